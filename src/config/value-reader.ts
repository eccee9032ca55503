import { isAlias, isMap, isNode, isScalar, isSeq } from 'yaml';
import type { Node, YAMLMap } from 'yaml';

import type { Problem } from '../core/errors.ts';
import { expandEnvironment } from './env-expansion.ts';
import type { Environment } from './env-expansion.ts';
import { closestKey } from './closest-key.ts';
import type { YamlFile } from './yaml-document.ts';

/** What all readers of a file share. */
export interface Reading {
  readonly yaml: YamlFile;
  /** Without it no variables are replaced. */
  readonly env: Environment | undefined;
  /** Keys that a message may name; another key might be a misplaced secret. The default matches the keys of the config. */
  readonly nameable?: RegExp;
  /** In the order in which they were found. */
  readonly problems: Problem[];
  /** How many aliases may still be followed: a few lines with aliases can stand for billions of values. */
  aliasesLeft: number;
}

export interface ScalarText {
  /** The text after the environment was filled in. Not yet a number: `0123` and `1e5` keep their spelling. */
  readonly text: string;
  /** The text before the environment was filled in. */
  readonly written: string;
  /** Not quoted, so that YAML gives it a type. */
  readonly plain: boolean;
  /** Whether it contained a reference to a variable. */
  readonly fromEnvironment: boolean;
}

/** The known keys of a mapping. */
export interface Mapping<Key extends string> {
  /** Undefined when the key is missing or has no value. */
  optional(key: Key): Reader | undefined;
  /** Undefined, and a problem, when the key is missing. */
  required(key: Key): Reader | undefined;
}

interface Place {
  /** Of the value, or where it would be. */
  readonly offset: number;
  /** Of the key of the value. */
  readonly keyOffset?: number;
  readonly path: string;
}

/** A key of the config, a day or range of days, a date, or the merge key. */
const LOOKS_LIKE_A_KEY = /^(?:[a-z_]{1,30}|[a-z]{3}-[a-z]{3}|\d{4}-\d\d-\d\d|<<)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;

/**
 * A value of the file and its place. A method that reports a problem returns undefined, so that the caller continues
 * and finds the other problems. No message quotes a value: it might be a secret.
 */
export class Reader {
  readonly path: string;
  readonly #reading: Reading;
  readonly #node: Node | null;
  readonly #place: Place;
  /** It cannot be read, and this was reported. */
  readonly #broken: boolean;
  #scalar: ScalarText | 'reported' | undefined;

  constructor(reading: Reading, node: unknown, place: Place) {
    const { target, problem } = follow(reading, node);
    this.path = place.path;
    this.#reading = reading;
    this.#node = target;
    this.#place = { ...place, offset: target?.range?.[0] ?? place.offset };
    this.#broken = problem !== undefined;
    if (problem !== undefined && problem !== '') this.report(problem);
  }

  get line(): number {
    return this.#reading.yaml.position(this.#place.offset).line;
  }

  problem(message: string): Problem {
    const { yaml } = this.#reading;
    return { file: yaml.file, ...yaml.position(this.#place.offset), path: this.path, message };
  }

  report(message: string): void {
    this.#reading.problems.push(this.problem(message));
  }

  /** Reports a problem of the key of this value. */
  reportKey(message: string): void {
    this.#reading.problems.push({ ...this.problem(message), ...this.#keyPosition });
  }

  /** A text, a number and the like; false for lists, mappings and values that cannot be read. */
  isScalar(): boolean {
    return !this.#broken && (this.#node === null || isScalar(this.#node));
  }

  isMapping(): boolean {
    return !this.#broken && isMap(this.#node);
  }

  /** Undefined after a problem; `expected` completes "Must be". */
  scalar(expected: string): ScalarText | undefined {
    if (this.#broken) return undefined;
    if (!this.isScalar()) {
      this.report(`Must be ${expected}, not a ${this.isMapping() ? 'mapping' : 'list'}`);
      return undefined;
    }
    this.#scalar ??= this.#expand();
    return this.#scalar === 'reported' ? undefined : this.#scalar;
  }

  isNull(): boolean {
    const scalar = this.isScalar() ? this.scalar('') : undefined;
    return scalar?.plain === true && NULL.test(scalar.text);
  }

  list(expected: string): Reader[] | undefined {
    if (isSeq(this.#node) && !this.#broken) {
      return this.#node.items.map((item, i) => this.#inside(item, { path: `${this.path}[${i}]` }));
    }
    if (this.scalar(expected) !== undefined) this.report(`Must be ${expected}`);
    return undefined;
  }

  /** Reports every key that is not one of `keys`. */
  mapping<Key extends string>(keys: readonly Key[]): Mapping<Key> | undefined {
    const entries = this.entries();
    if (entries === undefined) return undefined;
    for (const [key, entry] of entries) {
      if ((keys as readonly string[]).includes(key)) continue;
      const meant = closestKey(key, keys);
      const help = meant === undefined ? `known here: ${keys.join(', ')}` : `did you mean ${meant}?`;
      entry.reportKey(`Unknown key, ${help}`);
    }
    return {
      optional: (key) => (entries.get(key)?.isNull() === false ? entries.get(key) : undefined),
      required: (key) => {
        const entry = entries.get(key);
        if (entry === undefined) this.#inside(null, { path: this.#pathOf(key) }).report('This key is required');
        return entry;
      },
    };
  }

  /** Every key with its value. An empty value counts as an empty mapping. */
  entries(): ReadonlyMap<string, Reader> | undefined {
    const entries = new Map<string, Reader>();
    if (isMap(this.#node) && !this.#broken) {
      this.#collect(this.#node, entries);
      return entries;
    }
    if (this.isNull()) return entries;
    if (this.scalar('a mapping') !== undefined) this.report('Must be a mapping: key, colon, space, value');
    return undefined;
  }

  /** Own keys win over merged ones (`<<`), and earlier merged mappings over later ones. */
  #collect(map: YAMLMap, into: Map<string, Reader>): void {
    const own = new Map<string, Reader>();
    const merged: Reader[] = [];
    for (const { key, value } of map.items) {
      const keyOffset = isNode(key) ? (key.range?.[0] ?? this.#place.offset) : this.#place.offset;
      const name = isScalar(key) && key.tag === undefined ? (key.source ?? '') : undefined;
      const entry = this.#inside(value, { path: this.#pathOf(name ?? '?'), keyOffset, offset: keyOffset });
      const first = own.get(name ?? '?');
      if (name === undefined) entry.reportKey('A key must be plain text');
      else if (first !== undefined) entry.reportKey(`Duplicate key, first given in line ${first.#keyPosition.line}`);
      else own.set(name, entry);
    }
    for (const [name, entry] of own) {
      if (name === '<<') merged.push(...(isSeq(entry.#node) ? (entry.list('') ?? []) : [entry]));
      else if (!into.has(name)) into.set(name, entry);
    }
    for (const entry of merged) {
      if (isMap(entry.#node) && !entry.#broken) this.#collect(entry.#node, into);
      else if (!entry.#broken) entry.report('Only a mapping, or a list of mappings, can be merged');
    }
  }

  get #keyPosition(): { line: number; column: number } {
    return this.#reading.yaml.position(this.#place.keyOffset ?? this.#place.offset);
  }

  /** Leaves out a key that may be a misplaced secret. */
  #pathOf(key: string): string {
    if (!(this.#reading.nameable ?? LOOKS_LIKE_A_KEY).test(key)) return this.path;
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  #inside(node: unknown, place: Partial<Place> & { path: string }): Reader {
    return new Reader(this.#reading, node, { offset: this.#place.offset, ...place });
  }

  #expand(): ScalarText | 'reported' {
    const node = isScalar(this.#node) ? this.#node : undefined;
    const plain = node === undefined || node.type === undefined || node.type === 'PLAIN';
    const source = node?.source ?? '';
    const { env } = this.#reading;
    if (env === undefined) return { text: source, written: source, plain, fromEnvironment: false };
    const expansion = expandEnvironment(source, env);
    for (const message of expansion.problems ?? []) this.report(message);
    if (expansion.problems !== undefined) return 'reported';
    return { text: expansion.text, written: source, plain, fromEnvironment: expansion.changed };
  }
}

/** The node that a chain of aliases stands for. An empty problem was reported before. */
function follow(reading: Reading, node: unknown): { target: Node | null; problem?: string } {
  let target = isNode(node) ? node : null;
  while (isAlias(target)) {
    reading.aliasesLeft -= 1;
    if (reading.aliasesLeft < 0) {
      return { target, problem: reading.aliasesLeft === -1 ? 'Too many aliases: write the values out' : '' };
    }
    const next = reading.yaml.targets.get(target);
    if (next === undefined) return { target, problem: 'Unknown alias: no anchor of this name stands before it' };
    target = next;
  }
  return target?.tag === undefined
    ? { target }
    : { target, problem: 'Tags are not supported: remove the word that starts with !' };
}
