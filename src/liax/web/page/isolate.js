// Threads share memory only in pages that are isolated from others. Hosts of files seldom send the headers that say so;
// a service worker of ours adds them. Whether the page is being loaded again for that.

const TRIED = "liax-isolated";
const PATIENCE = 5000; // milliseconds for the service worker to begin

export async function isolating() {
  if (crossOriginIsolated || !navigator.serviceWorker) return false;
  try {
    if (sessionStorage.getItem(TRIED)) return false;
    await navigator.serviceWorker.register(new URL("service_worker.js", import.meta.url));
    const ready = await Promise.race([navigator.serviceWorker.ready, new Promise(end => setTimeout(end, PATIENCE))]);
    if (!ready) return false;
    sessionStorage.setItem(TRIED, "yes");
  } catch {
    return false; // one thread does it, too
  }
  location.reload();
  return true;
}
