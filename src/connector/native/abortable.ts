// Waiting for something that does not know how to be called off.

/** As the promise, but rejects with the signal's reason as soon as that aborts; what the promise does later is nobody's concern. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Only one of the two is looked at.
    promise.catch(() => undefined);
    aborted.catch(() => undefined);
  }
}
