// The last step of `npm run build`: writes what `--version` shows, for core/version.ts.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const { SOURCE_REVISION, SOURCE_DATE_EPOCH } = process.env;
const git = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
const revision = SOURCE_REVISION ?? (git.status === 0 ? git.stdout.trim() : 'unknown');
const time = SOURCE_DATE_EPOCH === undefined ? new Date() : new Date(Number(SOURCE_DATE_EPOCH) * 1000);
const date = `${time.toISOString().slice(0, 19)}Z`;
writeFileSync(new URL('../build-info.json', import.meta.url), `${JSON.stringify({ revision, date })}\n`);
