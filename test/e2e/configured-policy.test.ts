import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const isInstalled = existsSync(CHROMIUM);
if (!isInstalled) process.stderr.write(`Skipped what needs a browser: ${CHROMIUM} is not there\n`);

describe.runIf(isInstalled)('a Content-Security-Policy of the web config', () => {
  let browser: Browser;
  let simulator: Simulator;
  let exporter: RunningExporter | undefined;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(' ') });
    simulator = await startSimulator({ flat: true });
  });

  afterAll(async () => {
    await exporter?.stop();
    await browser.close();
    await simulator.close();
  });

  it.each(["default-src 'self'", "default-src 'none'; style-src 'self' 'unsafe-inline'", "frame-ancestors 'none'"])(
    'leaves the status page its style: %s',
    async (policy) => {
      exporter = await startExporter(
        `call_centers: [{ name: a, url: '${simulator.url}', access_key: k, secret_key: s, vdns: [1] }]`,
        {
          args: ['--web.config.file=FOLDER/web.yaml'],
          files: { 'web.yaml': `http_server_config: { headers: { Content-Security-Policy: "${policy}" } }` },
        },
      );
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      await page.goto(exporter.url);
      expect(await page.evaluate('document.styleSheets.length')).toBe(1);
      expect(complaints).toEqual([]);
      await page.close();
      await exporter.stop();
      exporter = undefined;
    },
  );
});
