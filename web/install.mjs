// Copies what the page of `liax web` needs out of node_modules into the package liax-web-runtime, unchanged.
// `make web` calls it.
import {copyFileSync, mkdirSync, readdirSync, rmSync} from "node:fs";
import {fileURLToPath} from "node:url";

const FILES = {
  "onnxruntime-web/dist": [
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
  ],
  "@mediapipe/tasks-vision": ["vision_bundle.mjs"],
  "@mediapipe/tasks-vision/wasm": ["vision_wasm_module_internal.js", "vision_wasm_module_internal.wasm"],
  "mediabunny/dist/bundles": ["mediabunny.min.mjs"],
};
const here = path => fileURLToPath(new URL(path, import.meta.url));
const target = here("../packages/liax-web-runtime/src/liax_web_runtime/files/");
rmSync(target, {recursive: true, force: true});
mkdirSync(target, {recursive: true});
for (const [folder, names] of Object.entries(FILES))
  for (const name of names) copyFileSync(here(`node_modules/${folder}/${name}`), target + name);
copyFileSync(here("../packages/liax-web-runtime/LICENSES.txt"), target + "LICENSES.txt");
console.log(`${target}: ${readdirSync(target).length} files`);
