const BASE = '/rest/cmsapp/v1/openapi';

/** The paths of the interfaces that are simulated. */
export const PATHS = {
  sysindex: `${BASE}/cti/sysindex`,
  skills: `${BASE}/configures/skills`,
  totalskillstatusex3: `${BASE}/skill/totalskillstatusex3`,
  servicequality: `${BASE}/skill/servicequality`,
} as const;

export type InterfaceName = keyof typeof PATHS;
export type QueueInterfaceName = Exclude<InterfaceName, 'sysindex'>;

/** Undefined for any other path. */
export function interfaceAt(path: string | undefined): InterfaceName | undefined {
  return (Object.keys(PATHS) as InterfaceName[]).find((name) => PATHS[name] === path);
}
