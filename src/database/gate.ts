/** Lets a limited number of steps run at a time; the others wait for their turn. */
export interface Gate {
  pass<Result>(step: () => Promise<Result>): Promise<Result>;
  /** @param most how many from now on; asked whenever a step has ended */
  limit(most: () => number): void;
}

export function openGate(): Gate {
  let most = () => Number.POSITIVE_INFINITY;
  let running = 0;
  const waiting: (() => void)[] = [];
  const admit = () => {
    for (; running < most(); running += 1) {
      const next = waiting.shift();
      if (next === undefined) return;
      next();
    }
  };
  return {
    async pass(step) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        admit();
      });
      try {
        return await step();
      } finally {
        running -= 1;
        admit();
      }
    },
    limit(asked) {
      most = asked;
      admit();
    },
  };
}
