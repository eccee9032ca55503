import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseFlags } from '../../src/commands/serve-flags.ts';
import { installed } from '../support/installed.ts';

const UNIT = 'deploy/systemd/aicc-cti-exporter.service';
const CAN_ANALYZE = installed('systemd-analyze');

test('the unit starts serve with flags that it knows', () => {
  const [, command = ''] = /^ExecStart=\/usr\/bin\/env aicc-cti-exporter (.*)$/m.exec(readFileSync(UNIT, 'utf8')) ?? [];
  const flags = parseFlags(command.split(' '));
  expect(flags.configFile).toBe('/etc/aicc-cti-exporter/config.yaml');
  expect(flags.storagePath).toBe('${STATE_DIRECTORY}');
});

test.runIf(CAN_ANALYZE)('systemd finds no mistake in the unit, and little that it exposes', () => {
  const verified = spawnSync('systemd-analyze', ['verify', UNIT], { encoding: 'utf8' });
  expect(verified.stderr.split('\n').filter((line) => line.includes('aicc-cti-exporter'))).toEqual([]);
  expect(verified.status).toBe(0);
  const report = execFileSync('systemd-analyze', ['security', '--offline=yes', UNIT], { encoding: 'utf8' });
  const [, level = ''] = /exposure level for \S+ (\d+\.\d+)/.exec(report) ?? [];
  expect(Number(level)).toBeGreaterThan(0);
  expect(Number(level)).toBeLessThan(2);
});
