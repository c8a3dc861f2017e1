import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Random decisions that are the same again for the same seed. */
export interface Random {
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  /** One of the names, each as often as its weight says. */
  pick<Name extends string>(weights: Readonly<Record<Name, number>>): Name;
}

export function randomFrom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const between = (least: number, most: number) => uniformInt(generator, least, most);
  return {
    between,
    pick(weights) {
      const entries = Object.entries<number>(weights);
      let left = between(
        1,
        entries.reduce((sum, [, weight]) => sum + weight, 0),
      );
      const picked = entries.find(([, weight]) => {
        left -= weight;
        return left <= 0;
      });
      if (picked === undefined) throw new Error('there is nothing to pick from');
      return picked[0] as keyof typeof weights;
    },
  };
}
