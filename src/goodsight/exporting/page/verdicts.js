// What the outputs of an exported model mean, as goodsight.model.verdicts says it in Python.
"use strict";

const Verdicts = (() => {
  const ORDER = ["off-topic", "unsure", "sure"]; // the worst first
  const MOST = 3;

  // The answer of one attribute for one photo.
  function answer(model, said, probabilities, pValues, onTopic) {
    const likeliest = probabilities.indexOf(Math.max(...probabilities));
    const yes = said.classes.indexOf("yes");
    const best = said.tag ? (probabilities[yes] >= said.cut ? yes : 1 - yes) : likeliest;
    const found = { name: said.name, tag: said.tag, label: said.classes[best], probability: probabilities[best] };
    Object.assign(found, { probabilities, pValues, classes: said.classes, verdict: "sure", reason: "" });
    if (!said.none && onTopic <= model.off_topic_alpha) {
      Object.assign(found, { verdict: "off-topic", reason: "looks like none of the classes" });
    } else if (said.threshold === null || found.probability < said.threshold) {
      const order = probabilities.map((_, at) => at).sort((a, b) => probabilities[b] - probabilities[a]);
      const others = order.filter((at) => at !== best && pValues[at] > model.alpha);
      const names = [best, ...others].slice(0, MOST).map((at) => said.classes[at]);
      Object.assign(found, { verdict: "unsure", reason: `may be ${names.join(" or ")}` });
    }
    return found;
  }

  // The answers of all attributes, and the worst verdict; `read(name)` gives an output's row.
  function ofPhoto(model, read) {
    const [onTopic] = read(model.on_topic);
    const answers = model.attributes.map((said) => answer(model, said, read(said.probabilities), read(said.p_values), onTopic));
    const labels = answers.filter((each) => !each.tag).map((each) => each.label);
    const trained = model.combinations.some((known) => known.every((label, at) => label === labels[at]));
    if (labels.length > 1 && !trained) {
      for (const each of answers.filter((each) => each.verdict === "sure")) {
        Object.assign(each, { verdict: "unsure", reason: `${labels.join(" ")} was never trained` });
      }
    }
    const verdict = ORDER.find((worst) => answers.some((each) => each.verdict === worst));
    return { answers, verdict, onTopic };
  }

  // Is it what was declared?
  function compare(model, found, declared) {
    const p = found.pValues[found.classes.indexOf(declared)];
    if (found.verdict === "off-topic") return { verdict: "off-topic", reason: found.reason };
    if (p <= model.alpha && found.label !== declared) return { verdict: "mismatch", reason: `looks like ${found.label}` };
    if (found.label === declared && found.verdict === "sure") return { verdict: "match", reason: "" };
    const ruled = `may be ${found.label}, but ${declared} cannot be ruled out`;
    return { verdict: "unsure", reason: found.label === declared ? found.reason : ruled };
  }

  return { ofPhoto, compare };
})();
