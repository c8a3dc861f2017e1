import { targetNames } from '../config/config.ts';
import { loadConfigOnce } from './load-config.ts';

/** Every target of the configuration. */
const ALL = 'all';

/**
 * @param given what follows `--target`: a name, several with commas in between, or `all`
 * @returns the names, each once; undefined for one target, whether it is named or the only one
 * @throws ConfigurationError when there is no such target
 */
export async function targetsOf(given: string | undefined): Promise<string[] | undefined> {
  if (given === undefined || (given !== ALL && !given.includes(','))) return undefined;
  const config = await loadConfigOnce();
  const isNameOfOne = Object.hasOwn(config.targets, given);
  return isNameOfOne ? undefined : targetNames(config, given === ALL ? undefined : given.split(','));
}

/** The same, where all of them are meant unless some are named. */
export async function targetsOrAll(given: string | undefined): Promise<string[]> {
  return (await targetsOf(given ?? ALL)) ?? [given ?? ALL];
}
