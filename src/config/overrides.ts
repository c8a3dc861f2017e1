import * as z from 'zod';
import { parse } from './parse.ts';
import { optionName, PACES, type Settings, STEERABLE } from './settings.ts';

/** The settings that somebody has changed while a rotation runs, for all its processes. */
export const overridesSchema = z.strictObject(STEERABLE).partial().readonly();

export type Overrides = z.output<typeof overridesSchema>;

/** @throws ConfigurationError naming the first option that is wrong, and why */
export function parseOverrides(input: unknown): Overrides {
  return parse(overridesSchema, input, optionName);
}

/** The settings that a process goes by: those that it was started with, but for what was changed. */
export function inForce(settings: Settings, overrides: Overrides): Settings {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  return { ...settings, ...(overrides.pace && PACES[overrides.pace]), ...given };
}
