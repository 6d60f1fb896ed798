// What both pages share: asking the API, and saying in plain words what went wrong.

const TIMEOUT_MS = 120_000;

export const find = (id) => document.getElementById(id);

// An element with a class and a text; class names of models are strangers' text, so nothing is ever made from markup.
export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export class Trouble extends Error {
  // status 0: no answer came; wait: seconds after which to ask again, or 0.
  constructor(status, detail, wait = 0) {
    super(detail);
    Object.assign(this, { status, detail, wait });
  }
}

// The JSON of an answer, null for an empty one; throws Trouble, or AbortError when the signal says so.
export async function ask(method, path, body = null, signal = null) {
  const headers = { Accept: "application/json" };
  const csrf = document.body.dataset.csrf;
  if (csrf) headers["X-CSRF-Token"] = csrf;
  if (body !== null && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  const late = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const answer = await fetch(path, { method, headers, body, signal: signal ? AbortSignal.any([signal, late]) : late });
    if (!answer.ok) throw await troubleOf(answer);
    return answer.status === 204 ? null : await answer.json();
  } catch (error) {
    if (error instanceof Trouble || error.name === "AbortError") throw error;
    throw new Trouble(0, error.name === "TimeoutError" ? "late" : "");
  }
}

async function troubleOf(answer) {
  let detail = "";
  try {
    detail = String((await answer.json()).detail ?? "");
  } catch {
    // Not a problem document: something between us and the service answered, and its page says nothing to a person.
  }
  const busy = answer.status === 429 || answer.status === 503;
  const seconds = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  return new Trouble(answer.status, detail, busy ? Math.min(Math.max(seconds || 2, 1), 60) : 0);
}

const WORDS = {
  401: ["Your session is over", "Log in again, then go on."],
  403: ["This was not allowed", "Load the page again. If it happens again, your token may not do this."],
  408: ["The photo took too long to arrive", "The connection may be slow. Try again."],
  413: ["The photo is too large", "Choose a smaller file, or a picture with fewer pixels."],
  415: ["This is not a picture", "Choose a photo: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC."],
  422: ["This could not be used", "Try another photo."],
  429: ["Too many requests", "You have asked very often in the last minute."],
  503: ["The service is busy", "Many photos are being checked right now."],
};

// What to tell a person: a title and a text.
export function explain(trouble) {
  if (trouble.status === 0) {
    if (!navigator.onLine) return ["You are offline", "Nothing was lost. Try again when you have a connection."];
    if (trouble.detail === "late") return ["No answer came in time", "The connection may be slow. Try again."];
    return ["The service could not be reached", "Check your connection, then try again."];
  }
  return WORDS[trouble.status] ?? ["Something went wrong on our side", "It is not your fault. Try again in a while."];
}

// The way out of a trouble: a link to the login page, or buttons that load the page or ask again.
export function wayOut(trouble, again) {
  if (trouble.status === 401) {
    const link = make("a", "button", "Log in");
    link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
    return [link];
  }
  if (trouble.status === 403) return [button("Load the page again", () => location.reload())];
  return [button("Try again", again)];
}

export function button(text, action, plain = false) {
  const made = make("button", plain ? "button plain" : "button", text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

// "97 %", which no line break takes apart; never a certainty that nobody has.
export function percent(p) {
  if (p >= 0.995) return "over 99\u00a0%";
  if (p < 0.01) return "under 1\u00a0%";
  return `${Math.round(100 * p)}\u00a0%`;
}
