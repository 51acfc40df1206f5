// The page: what is pressed, chosen and said.

import {Remote} from "./answers.js";
import {Camera, listCameras} from "./camera.js";
import {count, figures, times} from "./figures.js";
import {Clip, Film} from "./film.js";
import {isolating} from "./isolate.js";
import {readPicture} from "./portrait_file.js";
import {offer, save} from "./result.js";
import {fail, note, progress} from "./says.js";
import {Session} from "./session.js";
import {build, set, setUp} from "./sliders.js";
import {Trouble} from "./words.js";

const PATIENCE = 3000; // milliseconds without a frame after which the camera counts as silent

const at = name => document.getElementById(name);
const canvas = at("shown"), context = canvas.getContext("2d");
let session, camera, facts, card, backend;
let clip = null; // the file in the camera's place
let film = null; // what is recorded
let filmStart = 0, microphone = null, starting = false;
let making = null; // while an MP4 of a whole clip is made: {stopped}
let frozen = false, drawing = null, wantsDrawing = false, ready = false;

function show(picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height)
    Object.assign(canvas, {width: picture.width, height: picture.height});
  context.putImageData(picture, 0, 0);
}

// Start.
async function load() {
  if (!globalThis.OffscreenCanvas || !globalThis.WebAssembly || !HTMLVideoElement.prototype.requestVideoFrameCallback)
    throw new Trouble("noWorkers");
  if (await isolating()) return;
  const json = async name => {
    const response = await fetch(new URL(name, import.meta.url), {cache: "no-cache"});
    if (!response.ok) throw new Trouble("noStart", `${name}: ${response.status}`);
    return response.json();
  };
  [facts, card] = await Promise.all(["page.json", "card.json"].map(json));
  setUpPage();
  let loaded = 0;
  const megabytes = bytes => (bytes / 1e6).toFixed(0);
  const network = new Remote("network_worker.js", told => {
    loaded += told.loaded;
    note("page", `The network is loading: ${megabytes(loaded)} MB …`);
  });
  const faces = new Remote("face_worker.js"), frames = new Remote("frame_worker.js");
  session = new Session(network, faces, frames, card, facts);
  const wanted = new URLSearchParams(location.search).get("backend");
  const portrait = fetch(new URL("demo_portrait.jpg", import.meta.url)).then(response => response.blob());
  try {
    const opening = [faces.call("open"), frames.call("open", [card.pictures.seen_side])];
    [backend] = await Promise.all([network.call("open", [facts, card, wanted]), ...opening]);
  } catch (error) {
    throw new Trouble("noStart", String(error.message).slice(0, 200));
  }
  note("page", "");
  camera.atOnce = backend.provider === "webgpu" ? 2 : 1; // a processor has no time for the next frame
  about();
  await openPortrait(await portrait);
}

function setUpPage() {
  for (const name of ["strength", "smoothing"]) setUp(at(name), facts.live[name], "", readOptions);
  at("mirror").checked = facts.live.mirror;
  at("controls").hidden = card.controls.length === 0;
  build(at("controls").querySelector(".groups"), card.controls, (name, value) => {
    session.settings[name] = value;
    redraw();
  });
}

function readOptions() {
  if (!session) return;
  session.options = {strength: at("strength").valueAsNumber, smoothing: at("smoothing").valueAsNumber, mirror: at("mirror").checked};
  at("camera").classList.toggle("mirrored", session.options.mirror);
}

function about() {
  const WHY = {wrong: "WebGPU draws other pictures here than PyTorch does, so it is not used.", failed: "WebGPU does not work here, so it is not used."};
  const cores = backend.threads === 1 ? "one core of the processor" : `${backend.threads} cores of the processor`;
  const by = backend.provider === "webgpu" ? "the GPU (WebGPU)" : `${cores} (WebAssembly)`;
  const side = card.pictures.drawn_side, licence = card.weights.licence;
  at("about").textContent =
    `Drawn by ${by}, ${side} × ${side} pixels. ${WHY[backend.why] ?? ""} Weights: ${facts.weights}${licence ? ` (${licence})` : ""}. Made by ${facts.made_by}.`;
}

// The portrait.
async function openPortrait(file) {
  note("error", "");
  try {
    const shown = await readPicture(file);
    ready = false;
    update();
    note("portrait", "The portrait is being opened …");
    const {others, cut} = await session.open(shown);
    const several = others > 0 ? `This portrait shows ${others + 1} faces; the largest is used.` : "";
    const close = cut ? "The picture ends close to the face; only what it has is shown." : "";
    note("portrait", [several, close].filter(Boolean).join(" "));
    show(await session.draw());
    ready = true;
    document.documentElement.dataset.state ??= "ready";
    performance.mark("liax-first-picture");
  } catch (error) {
    note("portrait", "");
    ready = !!session.part;
    fail(error);
  }
  update();
}

// As the sliders move it, where no camera does.
async function redraw() {
  if (!ready || camera.running || making || frozen) return;
  wantsDrawing = true;
  if (drawing) return;
  drawing = (async () => {
    while (wantsDrawing) {
      wantsDrawing = false;
      show(await session.draw());
      if (film) await film.add(canvas, (performance.now() - filmStart) / 1000, 1 / 30);
    }
  })().catch(fail);
  await drawing;
  drawing = null;
}

// The camera.
async function onFrame(bitmap, captured) {
  if (!ready || making) return bitmap.close();
  if (frozen) bitmap.close();
  else {
    const picture = await session.step(bitmap, captured / 1000);
    note("face", session.seen ? "" : "No face is seen; the last pose stays.");
    if (picture) {
      show(picture);
      requestAnimationFrame(shown => count({captured, shown}));
    }
  }
  if (film && captured >= filmStart) await film.add(canvas, (captured - filmStart) / 1000, 1 / 30);
  if (film?.isFull) record();
}

async function start() {
  if (camera.running) return stop();
  note("error", "");
  session.forget();
  try {
    await camera.start(at("cameras").value, clip);
    if (!clip) await fillCameras();
  } catch (error) {
    fail(error);
  }
  update();
}

function stop(error = null) {
  camera.stop();
  for (const name of ["camera", "face"]) note(name, "");
  if (film) record();
  if (error) fail(error);
  update();
}

async function fillCameras() {
  const list = at("cameras"), chosen = list.value, cameras = await listCameras();
  list.replaceChildren(new Option("The usual one", ""), ...cameras.map(([id, label]) => new Option(label, id)));
  list.value = cameras.some(([id]) => id === chosen) ? chosen : "";
}

// Results.
async function record() {
  if (starting) return;
  if (film) {
    const done = film;
    film = null;
    update();
    try {
      offer(await done.finish(), "live.mp4");
    } catch (error) {
      fail(error);
    }
    microphone?.getTracks().forEach(track => track.stop());
    microphone = null;
  } else if (ready && !making) {
    starting = true;
    try {
      note("sound", "");
      const heard = at("sound").checked && camera.running ? await listen() : null;
      const started = await Film.start(canvas.width, canvas.height, facts.tags, {heard});
      filmStart = performance.now();
      film = started;
      if (!camera.running) await film.add(canvas, 0, 1 / 30);
    } catch (error) {
      fail(error);
    }
    starting = false;
  }
  update();
}

// The sound of the clip, or what is before the microphone; null where there is none.
async function listen() {
  if (clip) return camera.video.captureStream?.().getAudioTracks()[0] ?? null;
  try {
    microphone = await navigator.mediaDevices.getUserMedia({audio: true});
    return microphone.getAudioTracks()[0];
  } catch {
    note("sound", "The microphone cannot be used; the recording is silent.");
    return null;
  }
}

// Every frame of the clip, however long that takes.
async function animate() {
  if (making) return void (making.stopped = true);
  if (camera.running) stop();
  const own = (making = {stopped: false});
  update();
  let made = null;
  try {
    note("error", "");
    note("page", "The clip is being read …");
    const opened = await Clip.open(clip);
    made = await Film.start(canvas.width, canvas.height, facts.tags, {copied: opened});
    session.forget();
    let seen = 0;
    for await (const {canvas: frame, seconds, duration} of opened.frames()) {
      if (own.stopped || made.isFull) break;
      const picture = await session.step(await createImageBitmap(frame), seconds, true);
      if (picture) show(picture);
      seen += picture !== null;
      await made.add(canvas, Math.max(seconds, 0), duration);
      progress(Math.min(1, seconds / opened.seconds));
      note("page", `${made.pictures} pictures, ${Math.round((100 * seconds) / opened.seconds)} % of the clip …`);
    }
    if (!seen) throw new Trouble("noFaceInClip");
    offer(await made.finish(), "animated.mp4");
  } catch (error) {
    if (made) await made.cancel().catch(() => {});
    fail(error);
  }
  making = null;
  note("page", "");
  progress(null);
  update();
}

async function savePicture() {
  // A still picture has a mark of its own.
  const picture = await session.network.call("draw", [session.alpha ?? session.still(), true]);
  await save(picture);
}

// What is pressed.
function update() {
  const running = camera.running;
  at("start").textContent = running ? (clip ? "Stop the clip" : "Stop the camera") : clip ? "Play the clip" : "Start the camera";
  at("start").disabled = !ready || !!making;
  for (const name of ["neutral", "freeze"]) at(name).disabled = !(running && ready);
  for (const name of ["record", "save"]) at(name).disabled = !ready || !!making;
  at("animate").disabled = !(ready && clip);
  at("animate").textContent = making ? "Stop, and keep what is made" : "Make an MP4 of the whole clip";
  if (!running) frozen = false;
  at("freeze").ariaPressed = String(frozen);
  at("record").ariaPressed = String(!!film);
  at("record").firstChild.data = film ? "Stop recording " : "Record ";
  readOptions();
}

const act = {
  start,
  neutral: () => session.setNeutral(),
  freeze: () => {
    frozen = !frozen;
    update();
  },
  record,
  save: () => savePicture().catch(fail),
  animate,
  reset: () => document.querySelectorAll("#controls input").forEach(input => set(input, 0)),
};
const KEYS = {n: "neutral", f: "freeze", r: "record", s: "save", 0: "reset"};

function answerVisitors() {
  for (const [name, does] of Object.entries(act)) at(name).addEventListener("click", does);
  addEventListener("keydown", event => {
    const typed = event.target.closest?.("input:not([type=range], [type=checkbox]), select, textarea");
    const name = KEYS[event.key.toLowerCase()];
    if (!name || typed || event.repeat || event.ctrlKey || event.metaKey || event.altKey || at(name).disabled) return;
    act[name]();
  });
  at("mirror").addEventListener("change", readOptions);
  at("portrait").addEventListener("change", ({target}) => target.files[0] && ready && openPortrait(target.files[0]));
  at("clip").addEventListener("change", ({target}) => {
    if (camera.running) stop();
    clip = target.files[0] ?? null;
    update();
    if (clip && ready) start();
  });
  at("cameras").addEventListener("change", () => {
    at("clip").value = "";
    clip = null;
    if (camera.running) stop();
    start();
  });
  for (const kind of ["dragover", "drop"])
    addEventListener(kind, event => {
      event.preventDefault();
      at("drop").classList.toggle("over", kind === "dragover");
      const file = kind === "drop" && event.dataTransfer.files[0];
      if (file && ready) openPortrait(file);
    });
  addEventListener("dragleave", () => at("drop").classList.remove("over"));
  // Hidden, the page draws nothing; when it is seen again, it goes on.
  setInterval(() => {
    const told = camera.running ? figures() : "";
    if (at("figures").textContent !== told) at("figures").textContent = told;
    const silent = camera.running && !document.hidden && performance.now() - camera.lastFrame > PATIENCE;
    note("camera", silent ? (clip ? "The clip has stopped." : "The camera sends no pictures.") : "");
    if (document.hidden) camera.lastFrame = performance.now();
  }, 500);
}

camera = new Camera(at("camera"), onFrame, stop);
progress(null);
answerVisitors();
load().catch(error => {
  note("page", "");
  fail(error);
});

// For tests and measurements.
window.liax = {times, get session() { return session; }, get backend() { return backend; }};
