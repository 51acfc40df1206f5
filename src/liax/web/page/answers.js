// How a page and its workers talk: the page calls a function by name, and gets what it returns.

// Does work one after the other.
export function inTurn() {
  let last = Promise.resolve();
  return work => (last = last.catch(() => {}).then(work));
}

// In a worker: answer calls, one after the other. A function that returns a function has begun something, like a GPU's
// work: the next call begins before that function, which waits for it, is called.
export function answer(functions) {
  const begin = inTurn(), end = inTurn();
  addEventListener("message", ({data: {id, name, args}}) => {
    const begun = begin(() => functions[name](...args));
    begun.catch(() => {}); // told below
    end(async () => {
      try {
        const given = await begun, result = typeof given === "function" ? await given() : given;
        const buffer = result?.data?.buffer ?? result?.buffer; // an ImageData's or an array's
        postMessage({id, result}, buffer ? [buffer] : []);
      } catch (error) {
        postMessage({id, error: {name: error.name, message: error.message ?? String(error)}});
      }
    });
  });
}

// In the page: a worker whose functions are called.
export class Remote {
  constructor(name, onTold = () => {}) {
    this.waiting = new Map();
    this.next = 0;
    this.worker = new Worker(new URL(name, import.meta.url), {type: "module"});
    this.worker.onmessage = ({data: {id, result, error, told}}) => {
      if (told) return onTold(told);
      const {resolve, reject} = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) reject(Object.assign(new Error(error.message), {name: error.name}));
      else resolve(result);
    };
    this.worker.onerror = event => {
      event.preventDefault();
      this.fail(new Error(event.message || `${name} cannot be loaded`));
    };
  }
  call(name, args = [], transfer = []) {
    if (this.failure) return Promise.reject(this.failure);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, {resolve, reject});
      this.worker.postMessage({id, name, args}, transfer);
    });
  }
  fail(error) {
    this.failure = error;
    for (const {reject} of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
