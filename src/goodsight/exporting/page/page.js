// The page: photos come in by camera, file, paste or drop, and each gets an answer, one after the other.
"use strict";

(() => {
  const model = GOODSIGHT.model;
  const status = document.getElementById("status");
  const list = document.getElementById("answers");
  const waiting = [];
  let session = null;
  let runtime = null;
  let busy = false;

  function tell(text, wrong = false) {
    status.textContent = text;
    status.classList.toggle("wrong", wrong);
  }

  // What a script holds as base64 of gzip: a page that was opened from a disk may fetch nothing.
  async function unpacked(packed) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function start() {
    const script = new Blob([await unpacked(GOODSIGHT.script)], { type: "text/javascript" });
    const address = URL.createObjectURL(script);
    runtime = await import(address);
    URL.revokeObjectURL(address);
    runtime.env.wasm.numThreads = 1; // more need headers that no file has
    runtime.env.wasm.wasmBinary = (await unpacked(GOODSIGHT.wasm)).buffer;
    session = await runtime.InferenceSession.create(await unpacked(GOODSIGHT.onnx), { executionProviders: ["wasm"] });
    for (const name of ["script", "wasm", "onnx"]) delete GOODSIGHT[name];
  }

  function element(kind, className, text) {
    const made = document.createElement(kind);
    made.className = className;
    made.textContent = text;
    return made;
  }

  function ask() {
    for (const said of model.attributes.filter((each) => !each.tag)) {
      const label = element("label", "", model.attributes.length > 1 ? `Declared: ${said.name}` : "Declared as");
      const select = document.createElement("select");
      select.dataset.attribute = said.name;
      select.append(new Option("nothing: say what it is", ""), ...said.classes.map((name) => new Option(name, name)));
      label.append(select);
      document.getElementById("declared").append(label);
    }
  }

  function declared(name) {
    const select = [...document.querySelectorAll("#declared select")].find((each) => each.dataset.attribute === name);
    return select ? select.value : "";
  }

  // What the network saw, with a frame around the place of the answer.
  function picture(pixels, place) {
    const { size } = model.resize;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [size, size];
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(size, size);
    for (let at = 0; at < size * size; at++) image.data.set([...pixels.subarray(at * 3, at * 3 + 3), 255], at * 4);
    pen.putImageData(image, 0, 0);
    if (place) {
      const [left, top, right, bottom] = place.map((share) => share * size);
      [pen.strokeStyle, pen.lineWidth] = ["#dc2626", Math.max(2, size / 60)];
      pen.strokeRect(left, top, right - left, bottom - top);
    }
    return canvas;
  }

  function line(found) {
    const said = declared(found.name);
    const { verdict, reason } = said ? Verdicts.compare(model, found, said) : found;
    const made = element("p", "answer", "");
    if (model.attributes.length > 1) made.append(`${found.name}: `);
    made.append(element("strong", "", found.label), ` ${(100 * found.probability).toFixed(1)} % `);
    made.append(element("span", verdict, verdict), reason ? `: ${reason}` : "");
    Object.assign(made.dataset, { label: found.label, probability: found.probability, verdict });
    return made;
  }

  async function answer(file) {
    const card = element("li", "", "");
    const said = element("div", "said", "");
    said.append(element("p", "name", file.name || "pasted picture"));
    try {
      const pixels = await Pixels.ofFile(file, model.resize);
      const { size } = model.resize;
      const outputs = await session.run({ [model.input.name]: new runtime.Tensor("uint8", pixels, [1, size, size, 3]) });
      const found = Verdicts.ofPhoto(model, (name) => Array.from(outputs[name].data));
      const nothing = found.answers.some((each, at) => model.attributes[at].none === each.label);
      card.append(picture(pixels, model.place && !nothing ? Array.from(outputs[model.place].data) : null));
      said.append(...found.answers.map(line));
      card.dataset.verdict = found.verdict;
    } catch (error) {
      said.append(element("p", "answer bad", `This browser cannot read this photo (${error.message || error}).`));
      card.dataset.verdict = "bad";
    }
    card.append(said);
    list.prepend(card);
  }

  async function take(files) {
    waiting.push(...files);
    if (busy || !session) return;
    busy = true;
    while (waiting.length) {
      tell(waiting.length > 1 ? `Looking; ${waiting.length} photos wait …` : "Looking …");
      await answer(waiting.shift());
    }
    busy = false;
    tell("Ready.");
  }

  for (const input of document.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      take([...input.files]);
      input.value = ""; // the same photo may be taken again
    });
  }
  document.addEventListener("paste", (event) => take([...event.clipboardData.files]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("dragenter", () => document.body.classList.add("over"));
  document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    take([...event.dataTransfer.files]);
  });

  ask();
  start().then(
    () => {
      tell("Ready.");
      take([]);
    },
    (error) => tell(`This browser cannot run the model: ${error.message || error}`, true),
  );
})();
