/** The emulator looks for `window` where it is loaded; in a worker the global object goes by another name. */
if (!('window' in globalThis) && 'WorkerGlobalScope' in globalThis) Object.assign(globalThis, { window: globalThis });
