// The page of re-posts: each cluster of near copies, with who posted them.

import { ask, explain, find, Trouble } from "./common.js";

function said({ seller, ad, time }) {
  const who = [seller && `seller ${seller}`, ad && `ad ${ad}`].filter(Boolean).join(", ");
  return `${who || "nobody said whose"}, ${new Date(1000 * time).toLocaleString()}`;
}

function shown(posted) {
  const figure = document.createElement("figure");
  const image = document.createElement("img");
  image.src = posted.photo;
  image.alt = "";
  image.loading = "lazy";
  image.addEventListener("error", () => image.remove()); // the photo is not kept any more
  const caption = document.createElement("figcaption");
  caption.textContent = said(posted);
  figure.append(image, caption);
  return figure;
}

function cluster(posts) {
  const section = document.createElement("section");
  const sellers = new Set(posts.map(({ seller }) => seller).filter(Boolean)).size;
  const title = document.createElement("h2");
  title.textContent = `${posts.length} posts` + (sellers > 1 ? ` by ${sellers} sellers` : "");
  const photos = document.createElement("div");
  photos.className = "posts";
  photos.append(...posts.map(shown));
  section.append(title, photos);
  return section;
}

try {
  const { clusters } = await ask("GET", "/v1/clusters");
  find("status").textContent = clusters.length ? "" : "Nothing was posted again yet.";
  find("clusters").append(...clusters.filter((posts) => posts.length > 1).map(cluster));
} catch (trouble) {
  if (!(trouble instanceof Trouble)) throw trouble;
  find("status").textContent = explain(trouble).join(": ");
}
