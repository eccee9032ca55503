import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const list = new URL('../scripts/mutations-list.mjs', import.meta.url);
const { MUTATIONS } = (await import(list.href)) as { MUTATIONS: readonly Mutation[] };

test.each(MUTATIONS)('the place of the mutation "$name" is still there, once', ({ file, find, replace }) => {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
  expect(source.split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
});
