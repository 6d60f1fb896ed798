// How sure a model must be: what each wanted precision costs, and the command that sets it.

const small = (text) => {
  const made = document.createElement("small");
  made.textContent = text;
  return made;
};
// A precision as it was written: 0.985 is 98.5 %.
const share = (value) => `${Number((100 * value).toFixed(3))} %`;
const error = ({ value, low, high }) => (value === null ? ["none"] : [`${percent(value)} `, small(`${percent(low)} to ${percent(high)}`)]);

function slide(slider) {
  const { steps, minutes, most } = JSON.parse(slider.querySelector("[data-steps]").textContent);
  const input = slider.querySelector("input");
  const now = Object.fromEntries([...slider.querySelectorAll("[data-now]")].map((place) => [place.dataset.now, place]));
  const move = () => {
    const step = steps[input.value];
    slider.querySelector("output").textContent = share(step.precision);
    input.setAttribute("aria-valuetext", share(step.precision));
    now.share.textContent = percent(step.decided / step.n);
    now.error.replaceChildren(...error(step.error));
    now.minutes.replaceChildren(`${step.minutes.toFixed(0)} `, small(`of ${minutes.toFixed(0)}`));
    now.command.textContent = `goodsight set model/ --precision ${step.precision}`;
    if (step.threshold === null) now.why.textContent = `So much cannot be promised: the answers that it rests on allow up to ${share(Math.floor(1000 * most) / 1000)}.`;
    else if (!step.decided) now.why.textContent = `No answer here is as sure as it then decides from, probability ${step.threshold.toFixed(3)}.`;
    else now.why.textContent = `It decides alone from a probability of ${step.threshold.toFixed(3)} on.`;
    for (const row of slider.querySelectorAll("[data-class]")) {
      const [said, alone, wrong] = step.classes[row.dataset.class];
      row.cells[2].textContent = said ? percent(alone / said, 0) : "";
      row.cells[3].replaceChildren(...(alone ? error(wrong) : []));
    }
  };
  input.addEventListener("input", move);
  input.setAttribute("aria-valuetext", share(steps[input.value].precision));
  slider.querySelector("[data-copy]").addEventListener("click", async ({ target }) => {
    try {
      await navigator.clipboard.writeText(now.command.textContent);
      target.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(now.command); // no clipboard from disk: it is marked, for Ctrl C
      target.textContent = "Marked: Ctrl C copies it";
    }
  });
}

document.querySelectorAll("[data-slider]").forEach(slide);
