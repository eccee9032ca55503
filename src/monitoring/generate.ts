import { writeFileSync } from 'node:fs';
import { DASHBOARDS } from './dashboards.ts';
import { DEFAULT_OPTIONS } from './options.ts';
import { rulesFile } from './rules.ts';

// Run by `npm run dashboard` in the repository's root; the committed files are what users import and mount.
for (const [name, generate] of DASHBOARDS) writeFileSync(`grafana/${name}.json`, generate(DEFAULT_OPTIONS));
writeFileSync('prometheus/aicc-cti.rules.yaml', rulesFile(DEFAULT_OPTIONS));
