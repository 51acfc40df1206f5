// What was made, to be watched and kept.

export function offer({blob, pictures, codec, silent}, name) {
  const place = document.getElementById("result"), [video, about, link] = place.children;
  if (video.src) URL.revokeObjectURL(video.src);
  video.src = link.href = URL.createObjectURL(blob);
  link.download = name;
  const players = codec === "H.264" ? "" : " This browser has no H.264 encoder; some players do not know this format.";
  about.textContent = `${pictures} pictures, ${(blob.size / 1e6).toFixed(1)} MB, ${codec}${silent ? ", silent" : ""}.${players}`;
  place.hidden = false;
}

// Save a picture, an ImageData, as a PNG.
export async function save(picture) {
  const still = new OffscreenCanvas(picture.width, picture.height);
  still.getContext("2d").putImageData(picture, 0, 0);
  const href = URL.createObjectURL(await still.convertToBlob({type: "image/png"}));
  Object.assign(document.createElement("a"), {href, download: "portrait.png"}).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
