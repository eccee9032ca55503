import type { CommandIo } from './flags.ts';
export async function query(_args: readonly string[], _io: CommandIo): Promise<number> {
  return Promise.resolve(0);
}
