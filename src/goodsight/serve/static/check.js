// The check page: a category and a photo become a verdict in plain words.

import { ask, button, explain, find, make, percent, Trouble, wayOut } from "./common.js";

const TRIES = 3; // automatic ones, when the service is busy
const SETTLE_MS = 500; // a select changes with every arrow key: wait until it rests
const SHOWN = 3;
const HEAT = [[250, 204, 21], [249, 115, 22], [220, 38, 38]]; // no evidence, half of the most, the most
const COVER = 0.6; // how much of the photo the heat hides where it is strongest

const root = find("check");
const models = new Map(JSON.parse(root.dataset.models));
const maxBytes = Number(root.dataset.maxBytes);
const fields = find("declared"); // a select for each attribute of the model; that of the only one has no name
const seller = find("seller");
const model = find("model"); // null with a single model
const answer = find("answer");

let photo = null;
let url = "";
let running = new AbortController();
let timer = 0;
let tries = 0;
let checked = null;
let offline = false;
let appealing = false;

// ---- what is shown

function show(verdict, title, text, { small = "", parts = [], bars = [], actions = [] } = {}) {
  const inside = answer.contains(document.activeElement);
  answer.dataset.verdict = verdict;
  answer.classList.toggle("waiting", verdict === "waiting");
  answer.setAttribute("aria-busy", String(verdict === "waiting"));
  find("verdict").textContent = title;
  find("text").textContent = text;
  find("small").textContent = small;
  find("small").hidden = !small;
  find("parts").hidden = parts.length === 0;
  find("parts").replaceChildren(...parts.map(part));
  find("bars").hidden = bars.length === 0;
  find("bars").replaceChildren(...bars.map(bar));
  find("actions").replaceChildren(...actions);
  closeAppeal();
  const active = document.activeElement;
  if (inside && !(answer.contains(active) && active.checkVisibility())) find("verdict").focus(); // its button has gone
  if (verdict) answer.scrollIntoView({ block: "nearest" });
}

function bar([name, p]) {
  const line = make("div", "line");
  line.append(make("span", "", name), make("span", "", percent(p)));
  const track = make("div", "bar");
  const fill = make("i");
  fill.style.width = `${100 * p}%`;
  track.append(fill);
  const item = make("li");
  item.append(line, track);
  return item;
}

function part([name, { verdict, declared, probability, probabilities, class: found }]) {
  const of = (label) => `${label} (${percent(probabilities[label])})`;
  const said = {
    match: `${declared}, as declared: ${percent(probability)}`,
    mismatch: `looks like ${of(found)}, not ${of(declared)}`,
    unsure: `cannot be told for sure: ${[...new Set([found, declared])].map(of).join(", ")}`,
    "off-topic": `nothing that could be compared with ${declared}`,
  };
  const item = make("li");
  item.dataset.verdict = verdict;
  item.append(make("b", "", name), make("span", "", said[verdict]));
  return item;
}

function likeliest({ probabilities, declared }) {
  const sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  return sorted.filter(([name], place) => place < SHOWN || name === declared);
}

// What is done with a photo that nobody can be sure of: as the model has it a person looks; a policy may say otherwise.
const DOUBTED = {
  review: "A person will look at the photo. There is nothing for you to do.",
  accept: "The photo can stay. There is nothing for you to do.",
  refuse: "The photo cannot be used.",
};
const FOREIGN = { review: "A person will look at it.", accept: "It can stay.", refuse: "It cannot be used." };
const ANOTHER = "If it is the wrong photo, add another one: the item alone, whole, and large in the picture.";

function refused(action) {
  return action === "refuse" ? [button("Ask a person", openAppeal)] : [];
}

const VERDICTS = {
  match: ({ declared, probability }) =>
    show("match", "It matches", `This looks like ${declared}, as declared: ${percent(probability)}.`, {
      bars: likeliest(checked),
    }),
  mismatch: ({ declared, probability, probabilities, class: found }) => {
    const moved = choose(found);
    if (moved) note(`Changed from ${declared} to ${found}, because of the photo.`);
    const said = `Probability of ${found}: ${percent(probabilities[found])}; of ${declared}: ${percent(probability)}.`;
    // What cannot be chosen is the class of photos that show none of the categories.
    const title = moved ? `This looks like ${found}, not ${declared}` : `No ${declared} was found in the photo`;
    show("mismatch", title, moved ? `${said} The category is now ${found}.` : `Nor any other of the categories. ${said}`, {
      bars: likeliest(checked),
      actions: [button(`Keep ${declared} and ask a person`, openAppeal, true)],
    });
  },
  unsure: ({ declared, probability, reason, action }) =>
    show("unsure", "We cannot tell for sure", `Probability of ${declared}: ${percent(probability)}. ${DOUBTED[action]}`, {
      small: reason && `The model says \u201c${reason}\u201d.`,
      bars: likeliest(checked),
      actions: refused(action),
    }),
  blocked: ({ reason }) =>
    show("problem", "This photo may not be posted", "It is one of the photos that were blocked, or a copy of one. Choose a photo of your own.", {
      small: reason && `The reason: \u201c${reason}\u201d.`,
      actions: [button("Ask a person", openAppeal)],
    }),
  "off-topic": ({ reason, action }) =>
    show("off-topic", "This looks like none of the categories", `${FOREIGN[action]} ${ANOTHER}`, {
      small: reason && `The model says \u201c${reason}\u201d.`,
      actions: refused(action),
    }),
};

const TITLES = {
  match: () => ["It matches", "All that was declared is so."],
  mismatch: () => ["Something differs from what was declared", "What looks otherwise has been changed; the rest stands."],
  unsure: (action) => ["We cannot tell for sure", DOUBTED[action]],
  "off-topic": (action) => ["This looks like nothing that could be compared", `${FOREIGN[action]} ${ANOTHER}`],
};

function showParts(said) {
  const parts = Object.entries(said.attributes);
  for (const [attribute, { verdict, declared, class: found }] of parts) {
    if (verdict === "mismatch" && choose(found, attribute)) note(`Changed from ${declared} to ${found}, because of the photo.`, attribute);
  }
  const small = said.trained || said.verdict === "off-topic" ? "" : "The model was never trained with this combination, so it takes nothing for sure.";
  const keep = button("Keep what I declared and ask a person", openAppeal, true);
  const actions = said.verdict === "mismatch" ? [keep] : refused(said.action);
  show(said.verdict, ...TITLES[said.verdict](said.action), { small, parts, actions });
}

// What the map is of: what differs, or else the first that was declared.
function pointed(said) {
  if (!said.attributes) return said;
  const parts = Object.values(said.attributes).filter(({ evidence }) => evidence);
  return { ...(parts.find(({ verdict }) => verdict === "mismatch") ?? parts[0]), box: said.box };
}

function fail(trouble) {
  const [title, text] = explain(trouble);
  const small = trouble.status >= 400 && trouble.status < 500 && trouble.detail ? `The service says: ${trouble.detail}` : "";
  offline = trouble.status === 0;
  if (trouble.wait && tries < TRIES) {
    timer = setTimeout(check, 1000 * trouble.wait);
    const seconds = trouble.wait === 1 ? "a second" : `${trouble.wait} seconds`;
    show("problem", title, `${text} We try again in ${seconds}.`, { actions: [button("Try again now", fresh, true)] });
  } else {
    show("problem", title, text, { small, actions: trouble.status === 413 || trouble.status === 415 ? [] : wayOut(trouble, fresh) });
  }
}

// ---- where the answer comes from

function colour(value) {
  const [from, to] = value < 0.5 ? HEAT : HEAT.slice(1);
  const along = value < 0.5 ? 2 * value : 2 * value - 1;
  return from.map((low, i) => low + along * (to[i] - low));
}

function point({ class: found, evidence, box, verdict }) {
  const nothing = verdict === "off-topic" || !evidence?.flat().some((value) => value > 0);
  if (nothing || find("picture").hidden) return;
  const heat = find("heat");
  heat.width = evidence[0].length;
  heat.height = evidence.length;
  const cells = evidence.flat().flatMap((value) => [...colour(value), 255 * COVER * value]);
  heat.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(cells), heat.width), 0, 0);
  heat.hidden = false;
  find("box").hidden = !box;
  if (box) {
    const [left, top, right, bottom] = box.map((at) => `${100 * at}%`);
    Object.assign(find("box").style, { left, top, width: `calc(${right} - ${left})`, height: `calc(${bottom} - ${top})` });
  }
  find("seen").hidden = false;
  find("seen").textContent = `Red is where it looks most like ${found}`;
}

function unpoint() {
  find("heat").hidden = true;
  find("box").hidden = true;
  find("seen").hidden = true;
}

// ---- asking

function fresh() {
  tries = 0;
  check();
}

async function check() {
  running.abort();
  clearTimeout(timer);
  checked = null;
  offline = false;
  unpoint();
  if (!photo) show("", "No photo yet", "The answer appears here as soon as there is a category and a photo.");
  else if (declared().length === 0) show("", "Now choose a category", "The photo is here; the answer follows at once.");
  else if (photo.size > maxBytes) fail(new Trouble(413, `at most ${size(maxBytes)}; this is ${size(photo.size)}`));
  else await send();
}

async function send() {
  running = new AbortController();
  const { signal } = running;
  const form = new FormData();
  for (const { value, dataset: { attribute } } of declared()) {
    if (attribute) form.append("declared", `${attribute}=${value}`);
    else form.append("ad_category", value);
  }
  if (model) form.append("model", model.value);
  if (seller.value.trim()) form.append("seller", seller.value.trim());
  form.append("explain", "true");
  form.append("image", photo, "photo");
  tries += 1;
  show("waiting", "Checking", "One moment.");
  try {
    const said = await ask("POST", "/v1/check", form, signal);
    if (signal.aborted) return;
    checked = said;
    if (said.attributes && said.verdict !== "blocked") showParts(said);
    else VERDICTS[said.verdict](said);
    point(pointed(said));
  } catch (trouble) {
    if (signal.aborted) return; // a newer check is on its way
    if (!(trouble instanceof Trouble)) throw trouble;
    fail(trouble);
  }
}

// ---- what was declared

function declared() {
  return [...fields.querySelectorAll("select")].filter(({ value }) => value);
}

function select(attribute = "") {
  return [...fields.querySelectorAll("select")].find(({ dataset }) => dataset.attribute === attribute);
}

function choose(name, attribute = "") {
  const field = select(attribute);
  const known = [...(field?.options ?? [])].some((option) => option.value === name);
  if (known) field.value = name;
  return known;
}

function note(text, attribute = "") {
  const field = select(attribute);
  if (field) find(field.getAttribute("aria-describedby")).textContent = text;
}

function forget() {
  for (const hint of fields.querySelectorAll(".moved")) hint.textContent = "";
}

// The fields of a model, as the page has them for the first one.
function field([attribute, classes], place) {
  const number = place ? `-${place + 1}` : "";
  const made = make("p", "field");
  const label = make("label", "", attribute || "Category of the ad");
  const chosen = make("select");
  const hint = make("span", "hint moved");
  label.htmlFor = chosen.id = `category${number}`;
  hint.id = `moved${number}`;
  chosen.autocomplete = "off";
  chosen.dataset.attribute = attribute;
  chosen.setAttribute("aria-describedby", hint.id);
  chosen.append(new Option(attribute ? "Not declared" : "Choose a category", ""), ...classes.map((name) => new Option(name, name)));
  made.append(label, chosen, hint);
  return made;
}

// ---- the photo

function take(files) {
  if (files.length === 0) return;
  photo = files[0];
  URL.revokeObjectURL(url);
  url = URL.createObjectURL(photo);
  find("picture").hidden = false;
  find("picture").src = url;
  find("about").textContent = (files.length > 1 ? "The first of several photos, " : "") + size(photo.size);
  find("preview").hidden = false;
  find("file-label").textContent = "Choose another photo";
  forget();
  fresh();
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

find("picture").addEventListener("error", () => {
  find("picture").hidden = true;
  unpoint();
  find("about").textContent = `No preview of this kind of file, ${size(photo.size)}`;
});

for (const id of ["file", "camera"]) {
  find(id).addEventListener("change", ({ target }) => {
    take([...target.files]);
    target.value = ""; // so that the same file can be chosen again
  });
}

document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length === 0) return;
  event.preventDefault();
  take(files);
});

// Anywhere on the page: a photo that misses the box would otherwise replace the page.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  find("drop").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) find("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  find("drop").classList.remove("over");
  take([...event.dataTransfer.files]);
});

// ---- the category, the seller and the model

function recheckSoon() {
  forget();
  running.abort();
  clearTimeout(timer);
  tries = 0;
  timer = setTimeout(check, photo ? SETTLE_MS : 0);
}

fields.addEventListener("change", recheckSoon);
seller.addEventListener("change", recheckSoon); // the answer is kept with the seller, so one without is asked anew
model?.addEventListener("change", () => {
  const before = declared().map(({ value, dataset }) => [value, dataset.attribute]);
  fields.replaceChildren(...models.get(model.value).map(field));
  for (const [value, attribute] of before) choose(value, attribute);
  recheckSoon();
});

window.addEventListener("online", () => {
  if (offline) timer = setTimeout(fresh, SETTLE_MS); // the event can come a little before the connection
});
find("form").addEventListener("submit", (event) => event.preventDefault());

// ---- the appeal

function openAppeal() {
  find("actions").hidden = true;
  find("appeal").hidden = false;
  find("note").focus();
}

function closeAppeal() {
  find("actions").hidden = false;
  find("appeal").hidden = true;
}

find("cancel").addEventListener("click", () => {
  closeAppeal();
  find("actions").querySelector("button")?.focus();
});

find("appeal").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (appealing) return;
  const { id, declared: said, attributes } = checked;
  appealing = true; // not a disabled button: that would lose the focus
  try {
    await ask("POST", "/v1/appeals", { id, note: find("note").value.trim() });
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    if (trouble.status !== 409) { // 409: a person was asked before
      if (checked?.id === id) appealFailed(trouble);
      return;
    }
  } finally {
    appealing = false;
  }
  if (checked?.id !== id) return; // another photo was chosen meanwhile
  find("note").value = "";
  keepDeclared();
  const stays = attributes ? "What you declared stays" : `The category stays ${said}`;
  show("asked", "A person will look at it", `${stays} until then. There is nothing else for you to do.`);
});

function appealFailed(trouble) {
  const [title, text] = explain(trouble);
  if (trouble.status === 404) {
    const actions = [button("Check again", () => {
      keepDeclared();
      fresh();
    })];
    show("problem", "The photo is not kept any more", "Check it again, then ask a person.", { actions });
  } else {
    show("problem", title, text, { actions: wayOut(trouble, openAppeal) });
  }
}

function keepDeclared() {
  for (const [attribute, { declared: said }] of Object.entries(checked.attributes ?? { "": checked })) {
    if (select(attribute)?.value !== said && choose(said, attribute)) note(`Back to ${said}.`, attribute);
  }
}
