/** Work that tells on the way what happens, as a generator. */

/** Yields what `work` tells, in order, and returns or throws what it does. */
export async function* told<T, R>(
  work: (tell: (item: T) => void) => Promise<R>,
): AsyncGenerator<T, R> {
  const kept: T[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  const end = (): void => {
    isOver = true;
    wake();
  };
  const result = work((item) => {
    kept.push(item);
    wake();
  });
  void result.then(end, end);
  for (;;) {
    while (kept.length > 0) yield kept.shift()!;
    if (isOver) return result;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (isOver || kept.length > 0) resolve();
    });
  }
}
