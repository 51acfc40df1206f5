// How a page and its workers talk: the page calls a function by name, and gets what it returns.

// In a worker: answer calls, one after the other.
export function answer(functions) {
  let last = Promise.resolve();
  addEventListener("message", ({data: {id, name, args}}) => {
    last = last.then(async () => {
      try {
        const result = await functions[name](...args);
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
