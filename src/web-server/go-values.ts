import type { Reader } from '../config/value-reader.ts';

/*
 * exporter-toolkit reads its file with Go's YAML library, which follows YAML 1.1, into Go's types. These functions read
 * the values that the config of the exporter itself would refuse.
 */

const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** A boolean of YAML 1.1; undefined when it is missing, or after reporting a problem. */
export function goBoolean(value: Reader | undefined): boolean | undefined {
  const scalar = value?.scalar('true or false');
  if (value === undefined || scalar === undefined) return undefined;
  if (scalar.plain && TRUE.test(scalar.text)) return true;
  if (scalar.plain && FALSE.test(scalar.text)) return false;
  value.report('Must be true or false, without quotes');
  return undefined;
}

/** Undefined for an empty text as well: Go does not distinguish it from a missing key. */
export function unlessEmpty(value: Reader | undefined): Reader | undefined {
  const isEmpty = value?.isScalar() === true && value.scalar('a text')?.text === '';
  return isEmpty ? undefined : value;
}
