// The review page: one photo at a time, one key per decision.

import { ask, button, explain, find, make, percent, Trouble, wayOut } from "./common.js";

const LOOK_AGAIN_MS = 15_000;
const RENEW_MS = 60_000; // a claim holds for five minutes, and browsers slow the timers of a page behind another
const KEYS = 9;

let review = null;
let classes = []; // of the photo, in the order shown
let seen = false; // whether the photo is on the screen: nothing is decided blindly
let busy = false;
let timer = 0;

// ---- what is shown

function say(text, { calm = false, actions = [] } = {}) {
  const status = find("status");
  if (status.textContent !== text) status.textContent = text; // the same again would be read out again
  status.classList.toggle("calm", calm);
  find("actions").replaceChildren(...actions);
}

function showQueue(queue) {
  const share = (value) => (value === null ? "-" : `${Math.round(100 * value)} %`);
  find("waiting").textContent = queue.waiting;
  find("contested").textContent = queue.contested;
  find("today").textContent = queue.decided_last_day;
  find("with-model").textContent = share(queue.agreement_with_model);
  find("with-each-other").textContent = share(queue.agreement_between_reviewers);
}

function showReview(next) {
  review = next;
  find("review").hidden = !review;
  if (!review) return;
  seen = false;
  find("photo").parentElement.classList.add("loading");
  find("photo").src = review.photo;
  find("question").textContent = question(review);
  find("declared").textContent = review.declared || "nothing";
  find("guess").textContent = `${review.verdict === "off-topic" ? "off-topic, nearest " : ""}${review.class} (${percent(review.probability)})`;
  find("seller-box").hidden = !review.seller;
  find("seller").textContent = review.seller;
  find("note-box").hidden = !review.contested;
  find("note").textContent = review.note || "No note was given.";
  const many = review.classes.length > KEYS;
  const likely = (name) => review.probabilities[name] ?? 0;
  classes = many ? [...review.classes].sort((a, b) => likely(b) - likely(a)) : review.classes;
  find("filter-box").hidden = !many;
  find("classes").classList.toggle("long", many);
  find("filter").value = "";
  showClasses();
}

function question({ attribute, tag }) {
  if (tag) return `${attribute}: does it hold?`;
  return attribute ? `${attribute}: what does the photo show?` : "What does the photo show?";
}

function showClasses() {
  const wanted = find("filter").value.trim().toLowerCase();
  const shown = classes.filter((name) => name.toLowerCase().includes(wanted));
  find("classes").replaceChildren(...shown.map((name, place) => classButton(name, place, wanted !== "")));
  enable();
}

function classButton(name, place, filtered) {
  const made = make("button", filtered && place === 0 ? "class first" : "class");
  made.type = "button";
  made.dataset.name = name;
  if (place < KEYS) {
    made.append(make("kbd", "", String(place + 1)));
    made.setAttribute("aria-keyshortcuts", String(place + 1));
  }
  made.append(make("span", "name", name));
  const tags = [name === review.declared ? "declared" : "", name === review.class ? "model" : ""].filter(Boolean);
  if (tags.length) made.append(make("span", "tag", tags.join(", ")));
  made.addEventListener("click", () => decide(name));
  return made;
}

function enable() {
  for (const one of find("classes").children) one.disabled = busy || !seen;
  find("none").disabled = busy || !seen;
  find("skip").disabled = busy;
  find("undo").disabled = busy;
}

function offerPhotoAgain(text) {
  say(text, { actions: [button("Try again", () => { find("photo").src = `${review.photo}?again=${Date.now()}`; }, true)] });
}

find("photo").addEventListener("load", () => {
  seen = true;
  find("photo").parentElement.classList.remove("loading");
  if (find("actions").children.length) say("");
  enable();
});
find("photo").addEventListener("error", () => {
  if (review) offerPhotoAgain("The photo could not be shown. Skip it, or try again.");
});

// ---- asking

// One request at a time; what is pressed meanwhile is ignored, since it was meant for the photo before.
async function alone(work) {
  if (busy) return;
  const focused = document.activeElement;
  busy = true;
  clearTimeout(timer);
  enable();
  try {
    await work();
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    fail(trouble, work);
  } finally {
    busy = false;
    enable();
    keepFocus(focused);
  }
}

// What had the focus may be disabled or gone by now; the next Tab should not start at the top of the page.
function keepFocus(focused) {
  if (focused === document.body || document.activeElement === focused && !focused.disabled) return;
  if (focused.isConnected && !focused.disabled && focused.checkVisibility()) focused.focus();
  else (review ? find("question") : find("main")).focus({ preventScroll: true });
}

function fail(trouble, work) {
  const [title, text] = trouble.status === 422 ? ["The decision was not taken", trouble.detail] : explain(trouble);
  const again = () => alone(work);
  if (trouble.wait) timer = setTimeout(again, 1000 * trouble.wait);
  say(`${title}. ${trouble.wait ? "We try again in a moment." : text}`, { actions: wayOut(trouble, again) });
}

async function next(before = "") {
  const { review: found, queue } = await ask("POST", "/v1/reviews/next");
  showQueue(queue);
  showReview(found);
  if (found) {
    say(before);
  } else {
    say(`${before ? `${before} ` : ""}Nothing waits. This page looks again every 15 seconds.`, { calm: true });
    timer = setTimeout(() => alone(() => next()), LOOK_AGAIN_MS);
  }
}

function decide(decision) {
  if (!review) return;
  const { id } = review;
  alone(() => finish(`/v1/reviews/${encodeURIComponent(id)}`, { decision }, `Decided: ${decision || "none of these"}.`));
}

function skip() {
  if (!review) return;
  alone(() => finish(`/v1/reviews/${encodeURIComponent(review.id)}/skip`, null, "Skipped."));
}

async function finish(path, body, done) {
  let said = done;
  try {
    await ask("POST", path, body);
  } catch (trouble) {
    if (trouble.status === 409) said = "That one went to somebody else meanwhile; your answer was not counted.";
    else if (trouble.status === 404) said = "That photo was deleted meanwhile.";
    else throw trouble;
  }
  review = null; // it is done: should the next request fail, only that one is asked again
  try {
    await next(said);
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    showReview(null);
    fail(trouble, () => next());
  }
}

function undo() {
  alone(async () => {
    let answer;
    try {
      answer = await ask("POST", "/v1/reviews/undo");
    } catch (trouble) {
      if (trouble.status !== 409) throw trouble;
      say("Somebody else has that photo now, so it cannot be taken back yet.");
      return;
    }
    const { review: found, queue } = answer;
    showQueue(queue);
    if (found) {
      showReview(found);
      say("Taken back. Decide again.");
    } else if (review) {
      say("There is nothing to take back.");
    } else {
      await next("There is nothing to take back.");
    }
  });
}

// ---- keys and buttons

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (find("help").open || typing(event.target) || event.altKey || event.repeat) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (key !== "z" || event.shiftKey) return;
    event.preventDefault();
    undo();
    return;
  }
  const actions = { n: () => find("none").click(), 0: () => find("none").click(), s: skip, u: undo, "?": () => find("help").showModal(), "/": toFilter };
  const chosen = /^[1-9]$/.test(key) ? () => find("classes").children[Number(key) - 1]?.click() : actions[key];
  if (!chosen) return;
  event.preventDefault();
  chosen();
});

function toFilter() {
  if (review && !find("filter-box").hidden) find("filter").focus();
}

find("filter").addEventListener("input", showClasses);
find("filter").addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    find("filter").value = "";
    showClasses();
    find("question").focus();
  } else if (event.key === "Enter" && find("filter").value.trim()) {
    event.preventDefault();
    find("classes").firstElementChild?.click();
  }
});
find("none").addEventListener("click", () => decide(""));
find("skip").addEventListener("click", skip);
find("undo").addEventListener("click", undo);
find("ask-help").addEventListener("click", () => find("help").showModal());

// ---- a claim lasts as long as its page is open

setInterval(async () => {
  const held = review;
  if (!held || busy) return;
  try {
    await ask("POST", `/v1/reviews/${encodeURIComponent(held.id)}/renew`);
  } catch (trouble) {
    if (!(trouble instanceof Trouble)) throw trouble;
    const gone = { 404: "That photo was deleted meanwhile.", 409: "That one went to somebody else meanwhile." }[trouble.status];
    if (gone && review === held && !busy) alone(() => next(gone));
  }
}, RENEW_MS);

window.addEventListener("online", () => {
  if (!review) alone(() => next());
});

alone(() => next());
