// The end of a wait that only an abort ends.

/** Resolves when the signal aborts: the whole watch of a source that never changes. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
