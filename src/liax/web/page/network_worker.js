// The network, in a thread of its own: by WebGPU where there is one that computes rightly, else by WebAssembly.

import {answer, inTurn} from "./answers.js";
import {Marker} from "./marker.js";
import {picture, planes, resized, shownSquare, squareOf} from "./resample.js";

const LARGEST_ERROR = 3; // levels by which means of a drawn picture may differ from PyTorch's
const ADAPTER_WAITS = [0, 100, 300]; // milliseconds before a GPU is asked for: a browser that has just started may have none at first
const MOST_THREADS = 8;

let ort, facts, card, sessions, marker;
let encoded; // the portrait's code and features
let part; // what of the square is shown
let seenSide, drawnSide;

const file = name => new URL(name, import.meta.url).href;
const image = values => new ort.Tensor("float32", values, [1, 3, seenSide, seenSide]);
const vector = values => new ort.Tensor("float32", Float32Array.from(values), [1, values.length]);

// ONNX Runtime runs one network at a time. What a GPU computes stays there until it is fetched; the next run need not wait.
const turn = inTurn();
const run = (name, inputs, outputs) => turn(() => sessions[name].run(inputs, outputs));
const fetched = tensor => tensor.getData(true);

function threads() {
  const cores = navigator.hardwareConcurrency || 1;
  return self.crossOriginIsolated ? Math.min(MOST_THREADS, Math.max(Math.min(cores, 4), cores >> 1)) : 1;
}

// A file's bytes; what has come is told meanwhile.
async function loaded(name) {
  // Other models have another address, so that nothing old is taken out of a cache.
  const digest = card.models.find(model => model.file === name)?.sha256 ?? "";
  const response = await fetch(file(`${name}?${digest.slice(0, 16)}`));
  if (!response.ok) throw new Error(`${name} cannot be loaded (${response.status})`);
  const bytes = new Uint8Array(facts.files[name]);
  let filled = 0;
  for (const reader = response.body.getReader(); ; ) {
    const {done, value} = await reader.read();
    if (done) break;
    if (filled + value.length > bytes.length) break;
    bytes.set(value, filled);
    filled += value.length;
    postMessage({told: {loaded: value.length}});
  }
  if (filled !== bytes.length) throw new Error(`${name} is not as it was written; load the page again`);
  return bytes;
}

async function gpu(wanted) {
  if (wanted === "wasm" || !navigator.gpu) return null;
  let adapter;
  for (const milliseconds of ADAPTER_WAITS) {
    await new Promise(resolve => setTimeout(resolve, milliseconds));
    adapter = await navigator.gpu.requestAdapter().catch(() => null);
    if (adapter) break;
  }
  // A GPU that the processor plays is slower than WebAssembly.
  if (!adapter || (adapter.info?.isFallbackAdapter && wanted !== "webgpu")) return null;
  return {half: adapter.features.has("shader-f16") && card.models.some(model => model.dtype === "float16")};
}

async function start(provider, half) {
  ort = await import(provider === "webgpu" ? "./ort.webgpu.min.mjs" : "./ort.wasm.min.mjs");
  const binary = `ort-wasm-simd-threaded${provider === "webgpu" ? ".asyncify" : ""}`;
  ort.env.wasm.wasmPaths = {mjs: file(`${binary}.mjs`), wasm: file(`${binary}.wasm`)};
  ort.env.wasm.numThreads = provider === "webgpu" ? 1 : threads();
  ort.env.logLevel = "error";
  const models = Object.fromEntries(
    card.models.filter(model => model.dtype === (half ? "float16" : "float32")).map(model => [model.role, model]),
  );
  // The export has folded what can be: on a processor, ONNX Runtime would look for half a second, and gain nothing.
  const graphOptimizationLevel = provider === "webgpu" ? "all" : "disabled";
  const open = async (name, executionProviders, options = {}) =>
    ort.InferenceSession.create(await loaded(name), {executionProviders, graphOptimizationLevel, ...options});
  const preferredOutputLocation = provider === "webgpu" ? "gpu-buffer" : "cpu", freeDimensionOverrides = {sources: 1, frames: 1};
  const network = ({file}) => open(file, [provider], {preferredOutputLocation, freeDimensionOverrides});
  sessions = {
    encoder: await network(models.encoder),
    // Without a network of its own for it, the encoder reads.
    driver: facts.reads === "driver" ? await network(models.driver) : null,
    decoder: await network(models.decoder),
    mark: await open("mark.onnx", ["wasm"]),
  };
  sessions.driver ??= sessions.encoder;
  marker = new Marker(async (luma, rms) => {
    const side = facts.mark.seen;
    const inputs = {
      luma: new ort.Tensor("float32", luma, [1, 1, side, side]),
      rms: new ort.Tensor("float32", Float32Array.of(rms), [1, 1, 1, 1]),
    };
    return fetched((await run("mark", inputs)).mark);
  }, facts.mark);
}

async function encode(square) {
  const {alpha, ...rest} = await run("encoder", {image: image(planes(square))});
  for (const value of Object.values(encoded ?? {})) value.dispose();
  encoded = rest;
  return Array.from(await fetched(alpha));
}

const render = async alpha => (await run("decoder", {...encoded, alpha: vector(alpha)}, ["image"])).image;

// By how many levels means of what is drawn of a picture made by formula differ from PyTorch's.
async function checkError() {
  const square = new Uint8ClampedArray(3 * seenSide * seenSide);
  for (let y = 0, at = 0; y < seenSide; y++)
    for (let x = 0; x < seenSide; x++)
      for (let c = 0; c < 3; c++)
        square[at++] = 127.5 * (1 + Math.sin((2 * Math.PI * (2 * x + 3 * y)) / seenSide + c));
  const drawn = await render(await encode(square)), {data} = picture(await fetched(drawn), drawnSide);
  const count = Math.sqrt(facts.check.length / 3), side = drawnSide / count;
  const means = new Float64Array(facts.check.length);
  for (let y = 0; y < drawnSide; y++)
    for (let x = 0; x < drawnSide; x++)
      for (let c = 0; c < 3; c++)
        means[3 * (Math.floor(y / side) * count + Math.floor(x / side)) + c] += data[4 * (y * drawnSide + x) + c] / side ** 2;
  return Math.max(...means.map((mean, i) => Math.abs(mean - facts.check[i])));
}

answer({
  // Load the models; what runs them.
  async open(givenFacts, givenCard, wanted) {
    [facts, card] = [givenFacts, givenCard];
    ({seen_side: seenSide, drawn_side: drawnSide} = card.pictures);
    const found = await gpu(wanted);
    let why = null, error = null;
    if (found) {
      try {
        await start("webgpu", found.half);
        error = await checkError();
        if (error <= LARGEST_ERROR) return {provider: "webgpu", half: found.half, threads: 1, error};
        why = "wrong";
      } catch (trouble) {
        console.warn(trouble);
        why = "failed";
      }
      encoded = undefined;
    }
    await start("wasm", false);
    return {provider: "wasm", half: false, threads: ort.env.wasm.numThreads, why, error};
  },

  // Open a portrait: its coefficients, and its square as the network draws it.
  async portrait(shown, crop, shownPart) {
    const square = squareOf(shown, crop, seenSide);
    const alpha = await encode(square);
    part = shownPart;
    return {alpha, square: shownSquare(resized(square, seenSide, drawnSide), drawnSide)};
  },

  // The coefficients of the faces in squares, one after the other.
  async read(squares) {
    const alphas = [], size = 3 * seenSide ** 2;
    for (let at = 0; at < squares.length; at += size)
      alphas.push((await run("driver", {image: image(squares.subarray(at, at + size))}, ["alpha"])).alpha);
    return () => Promise.all(alphas.map(async alpha => Array.from(await fetched(alpha))));
  },

  // The portrait with these coefficients, marked.
  async draw(alpha, still) {
    const drawn = await render(alpha);
    return async () => {
      const shown = picture(await fetched(drawn), drawnSide, part);
      await marker.mark(shown, still);
      return shown;
    };
  },

  // The same without a mark, wholly, for tests.
  async plain(alpha) {
    return picture(await fetched(await render(alpha)), drawnSide);
  },
});
