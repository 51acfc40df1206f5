// Adds headers to the page's own files: isolation, which threads need, and a policy that lets nothing ask another host.

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; " +
  "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'";

addEventListener("install", () => skipWaiting());
addEventListener("activate", event => event.waitUntil(clients.claim()));
addEventListener("fetch", event => {
  const {request} = event, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  event.respondWith(
    fetch(request).then(response => {
      if (!response.status || response.type === "opaqueredirect") return response;
      const headers = new Headers(response.headers);
      headers.set("Cross-Origin-Opener-Policy", "same-origin");
      headers.set("Cross-Origin-Embedder-Policy", "require-corp");
      headers.set("Cross-Origin-Resource-Policy", "same-origin");
      headers.set("Content-Security-Policy", POLICY);
      if (url.pathname.endsWith(".mjs")) headers.set("Content-Type", "text/javascript"); // not all hosts know it
      const {status, statusText} = response;
      return new Response([204, 304].includes(status) ? null : response.body, {status, statusText, headers});
    }),
  );
});
