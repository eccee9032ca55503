import { readFileSync } from 'node:fs';

/** The version in package.json, which lies one level above both `src` and `dist`. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}

interface BuildInfo {
  /** Commit that was built. */
  readonly revision: string;
  /** RFC 3339 in UTC. */
  readonly date: string;
}

/** What `npm run build` wrote beside the compiled files; each part is `unknown` without it. */
function readBuildInfo(): BuildInfo {
  const unknown = { revision: 'unknown', date: 'unknown' };
  try {
    const info: unknown = JSON.parse(readFileSync(new URL('../build-info.json', import.meta.url), 'utf8'));
    return typeof info === 'object' ? { ...unknown, ...info } : unknown;
  } catch {
    return unknown;
  }
}

/** The text of `--version`, in the layout of Prometheus' own programs. */
export function versionText(node: string, platform: string): string {
  const { revision, date } = readBuildInfo();
  return `aicc-cti-exporter, version ${readVersion()} (revision: ${revision})
  build date:       ${date}
  Node.js version:  ${node}
  platform:         ${platform}
`;
}
