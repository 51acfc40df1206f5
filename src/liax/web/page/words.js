// What the page says when something cannot be done.

const WORDS = {
  noFace: () => "This portrait shows no face; use one that is seen from the front.",
  leaning: degrees => `The head in this portrait leans by ${Math.abs(degrees)}°; turn the picture upright first.`,
  noPicture: () => "This file is no picture that your browser reads; use a JPEG, PNG or WebP.",
  largePicture: megabytes => `This picture has ${megabytes} MB; use one of at most 30 MB.`,
  smallPicture: () => "This picture is too small; use one of at least 64 pixels a side.",
  noCamera: () => "There is no camera; connect one, or use a clip in its place.",
  cameraRefused: () => "The browser does not let this page use the camera; allow it beside the address, then start again.",
  cameraBusy: () => "The camera cannot be read; end the other program that uses it.",
  cameraGone: () => "The camera is gone; connect it, and start it again.",
  cameraInsecure: () =>
    "Browsers give cameras only to pages at 127.0.0.1, localhost or https; open this page under such an address, or use a clip.",
  noClip: () => "This clip cannot be played; choose another one.",
  largeClip: megabytes => `This clip has ${megabytes} MB; use one of at most 500 MB.`,
  longClip: seconds => `This clip lasts ${seconds} s; use one of at most 120 s.`,
  noFaceInClip: () => "No face was seen in this clip; use one that shows a face from the front.",
  noEncoder: () =>
    "This browser cannot write videos (it has no WebCodecs encoder, or the page is neither at https nor at localhost). Save single pictures, or use another browser.",
  nothingRecorded: () => "The recording would have no picture; let the camera run while you record.",
  noWorkers: () => "This browser is too old for this page: it lacks threads for modules, OffscreenCanvas or WebAssembly. Update it, or use another one.",
  noStart: why => `The page cannot be started (${why}). Load it again; if that does not help, the folder it lies in is not complete.`,
  noMemory: () => "There is not enough memory for the network; close other tabs, and load the page again.",
};

// An error whose words are written for visitors.
export class Trouble extends Error {
  constructor(name, about) {
    super(WORDS[name](about));
    this.name = "Trouble";
  }
}

const CAMERA = {
  NotAllowedError: "cameraRefused",
  NotFoundError: "noCamera",
  OverconstrainedError: "noCamera",
  NotReadableError: "cameraBusy",
};

export const cameraTrouble = error => (CAMERA[error.name] ? new Trouble(CAMERA[error.name]) : error);

// Any error, in words.
export function worded(error) {
  if (error.name === "Trouble") return error.message;
  if (error instanceof RangeError || /memory|allocat/i.test(error.message)) return new Trouble("noMemory").message;
  return `Something went wrong (${String(error.message).slice(0, 200)}). Load the page again.`;
}
