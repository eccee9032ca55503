import { writeFileSync } from 'node:fs';
import { dashboardFile } from './dashboard.ts';
import { rulesFile } from './rules.ts';

// Run by `npm run dashboard` in the repository's root; the committed files are what users import and mount.
writeFileSync('grafana/aicc-cti.json', dashboardFile());
writeFileSync('prometheus/aicc-cti.rules.yaml', rulesFile());
