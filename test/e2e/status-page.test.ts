import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const isInstalled = existsSync(CHROMIUM);
if (!isInstalled) process.stderr.write(`Skipped what needs a browser: ${CHROMIUM} is not there\n`);

const NASTY = '</td><script>document.title="hit"</script><img src=x onerror=alert(1)>&amp;"\'';
const MANY = 5000;

function center(name: string, url: string, vdns: string): string {
  return `  - name: ${JSON.stringify(name)}
    url: ${url}
    cc_id: 1
    access_key: demo-access-key
    secret_key: demo-secret-key
    vdns:${vdns}
`;
}

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true } as const;

describe.runIf(isInstalled)('the status page in a browser without scripts', () => {
  let browser: Browser;
  let exporter: RunningExporter;
  const simulators: Simulator[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    const ids = Array.from({ length: MANY }, (_, index) => index + 1);
    const up = await startSimulator({ flat: true, vdns: ids });
    const failing = await startSimulator({ flat: true, faults: [{ kind: 'firewall', status: 403 }] });
    simulators.push(up, failing);
    const list = ids.map((id) => `\n      - { id: ${id}, name: "Hotline ${id}", labels: { team: "team ${id % 7}" } }`);
    exporter = await startExporter(
      `call_centers:\n${center('headquarters', up.url, list.join(''))}${center(NASTY, failing.url, `\n      - { id: 7, name: ${JSON.stringify(NASTY)}, labels: { team: ${JSON.stringify(NASTY)} } }`)}`,
    );
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(' ') });
    await eventually(async () => (await exporter.get('/-/ready')) === 'Ready\n');
  });

  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  afterAll(async () => {
    await browser.close();
    await exporter.stop();
    await Promise.all(simulators.map((simulator) => simulator.close()));
  });

  /** Opens the page; what the browser complains about fails the test. */
  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const viewport = { width: 1280, height: 900 };
    const context = await browser.newContext({ viewport, javaScriptEnabled: false, ...options });
    const page = await context.newPage();
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    page.on('requestfailed', (request) => complaints.push(request.url()));
    await page.goto(exporter.url + path);
    return page;
  }

  const rows = (page: Page) => page.locator('tbody tr').count();
  const column = async (page: Page, name: string) => page.locator(`tbody .${name}`).allInnerTexts();
  const numbers = async (page: Page, name: string) => (await column(page, name)).map(Number);

  it('shows each call center with its state, and what to check', async () => {
    const page = await open('/');
    const [failing, up] = await page.locator('article').all();
    expect(await up?.innerText()).toMatch(/headquarters\s+✔ Up/);
    expect(await up?.innerText()).toContain('5000 reporting of 5000 configured');
    expect(await failing?.innerText()).toContain('✖ Failing');
    expect(await failing?.innerText()).toMatch(
      /HTTP 403.*\(http\)\s*What to check\s+A firewall may refuse this machine/s,
    );
    expect(await failing?.locator('h3').innerText()).toBe(NASTY);
    for (const link of ['Metrics', 'Configuration', 'Service discovery', 'Runbooks']) {
      expect(await page.getByRole('link', { name: link, exact: true }).count()).toBe(1);
    }
    const metrics = await page.getByRole('link', { name: 'Metrics of this call center' }).nth(0).getAttribute('href');
    expect(await exporter.get(metrics ?? '')).toContain('aicc_cti_up{call_center="</td><script>');
    await page.context().close();
  });

  it('shows any name as it is written, and runs nothing of it', async () => {
    const page = await open(`/?call_center=${encodeURIComponent(NASTY)}&q=${encodeURIComponent('</TD>')}`, {
      javaScriptEnabled: true,
    });
    expect(await column(page, 'name')).toEqual([`${NASTY}\nteam=${NASTY}`]);
    expect(await page.title()).toBe('1 failing: AICC CTI exporter');
    expect(await page.locator('script, img').count()).toBe(0);
    expect(await page.locator('input[name=q]').inputValue()).toBe('</TD>');
    await page.context().close();
  });

  it('sorts by the headers, both ways', async () => {
    const page = await open('/?call_center=headquarters');
    expect(await numbers(page, 'id')).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    await page.getByRole('columnheader', { name: 'Talking' }).getByRole('link').click();
    const down = await numbers(page, 'talking');
    expect(down).toEqual([...down].sort((a, b) => b - a));
    expect(down[0]).toBeGreaterThan(down.at(-1) ?? Infinity);
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
    await page.getByRole('columnheader', { name: 'Talking' }).getByRole('link').click();
    const up = await numbers(page, 'talking');
    expect(up).toEqual([...up].sort((a, b) => a - b));
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('ascending');
    await page.context().close();
  });

  it('filters by the form and keeps what was chosen, over sorting and pages', async () => {
    const page = await open('/');
    await page.getByLabel('Id, name or label').fill('TEAM 3');
    await page.getByLabel('Sort by').selectOption('inbound');
    await page.locator('select[name=order]').selectOption('desc');
    await page.getByRole('button', { name: 'Apply' }).click();
    const found = Array.from({ length: MANY }, (_, index) => index + 1).filter((id) => id % 7 === 3).length;
    expect(await page.locator('.pages p').first().innerText()).toBe(`1 to 200 of ${found} VDNs found among 5001`);
    expect((await column(page, 'name')).every((name) => name.endsWith('team=team 3'))).toBe(true);
    const first = await numbers(page, 'inbound');
    await page.getByRole('link', { name: 'Next' }).first().click();
    const second = await numbers(page, 'inbound');
    expect(second[0]).toBeLessThanOrEqual(first.at(-1) ?? -1);
    expect(await page.getByLabel('Id, name or label').inputValue()).toBe('TEAM 3');
    expect(await page.locator('select[name=order]').inputValue()).toBe('desc');
    await page.getByLabel('Show').selectOption('silent');
    await page.getByRole('button', { name: 'Apply' }).click();
    expect(await rows(page)).toBe(0);
    await page.getByRole('link', { name: 'Reset' }).click();
    await page.getByLabel('Show').selectOption('silent');
    await page.getByRole('button', { name: 'Apply' }).click();
    expect(await column(page, 'id')).toEqual(['7']);
    await page.context().close();
  });

  it('turns 5,000 VDNs over in pages', async () => {
    const page = await open('/?call_center=headquarters');
    const firsts: number[] = [];
    for (const link of ['Next', 'Next', '25', 'Previous', '1']) {
      firsts.push(Number(await page.locator('tbody .id').first().innerText()));
      await page.locator('.pages').first().getByRole('link', { name: link, exact: true }).click();
    }
    expect(firsts).toEqual([1, 201, 401, 4801, 4601]);
    expect(await page.locator('.pages [aria-current=page]').first().innerText()).toBe('1');
    await page.context().close();
  });

  it.each([
    ['on a phone', '/', PHONE],
    ['on a phone with thousands of VDNs', '/?sort=talking&order=desc&page=3', PHONE],
    ['on a small phone', '/?q=hotline', { ...PHONE, viewport: { width: 320, height: 600 } }],
    ['on a tablet', '/?page=2', { viewport: { width: 768, height: 1024 } }],
    ['on a desktop', '/', {}],
  ])('needs no scrolling to the side %s', async (_, path, options) => {
    const page = await open(path, { ...options, javaScriptEnabled: true });
    const [scroll, width] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    expect(scroll).toBeLessThanOrEqual(width);
    await page.context().close();
  });

  it('needs less than half as much of a phone as a card for each VDN would', async () => {
    const viewport = { width: 375, height: 800 };
    const page = await open('/?call_center=headquarters', { ...PHONE, viewport, javaScriptEnabled: true });
    expect(await rows(page)).toBe(200);
    // With a card for each VDN it was 40,641 pixels high.
    expect(await page.evaluate<number>('document.documentElement.scrollHeight')).toBeLessThan(20_000);
    await page.context().close();
  });

  it('names every value of a card on a phone, where there are no headers', async () => {
    const page = await open('/?call_center=headquarters', { ...PHONE, javaScriptEnabled: true });
    expect(await page.locator('thead').isVisible()).toBe(false);
    const titles = await page.evaluate<string[]>(
      "[...document.querySelector('tbody tr').children].map((cell) => getComputedStyle(cell, '::before').content)",
    );
    expect(titles.map((title) => title.replaceAll('"', ''))).toEqual([
      ...['VDN', 'Name', 'Call center', 'Online', 'Talking', 'Idle', 'Busy', 'Resting'],
      ...['Inbound', 'Answered', 'Ratio', 'Outbound', 'Window (UTC)'],
    ]);
    await page.context().close();
  });

  /** Contrast of each kind of text with what lies behind it (WCAG 2, 1.4.3). */
  const CONTRAST = `(() => {
    const luminance = ([r, g, b]) => {
      const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const behind = (element) => {
      for (let each = element; each; each = each.parentElement) {
        const color = parse(getComputedStyle(each).backgroundColor);
        if (color.length === 3 || color[3] > 0) return color;
      }
    };
    return ['h1', 'header p', 'nav a', '.up .state', '.failing .state', 'dt', 'dd', '.error', '.age', 'label', 'input',
      'button', 'thead a', 'tbody th', '.labels', '.number', 'footer'].map((selector) => {
      const element = document.querySelector(selector);
      const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))];
      return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
  })()`;

  it.each(['light', 'dark'] as const)('can be read in the %s', async (colorScheme) => {
    const page = await open('/', { colorScheme, javaScriptEnabled: true });
    const contrasts = await page.evaluate<[string, number][]>(CONTRAST);
    expect(contrasts.filter(([, contrast]) => contrast < 4.5)).toEqual([]);
    const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    expect(Number(/\d+/.exec(background)?.[0]) < 128).toBe(colorScheme === 'dark');
    await page.context().close();
  });

  it('is well built for those who do not see it', async () => {
    const page = await open('/');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.locator('h1').count()).toBe(1);
    expect(await page.locator('h2').allInnerTexts()).toEqual(['Call centers', 'VDNs']);
    expect(await page.locator('thead th:not([scope=col])').count()).toBe(0);
    expect(await page.locator('tbody th[scope=row]').count()).toBe(200);
    const fields = await page.locator('input, select').all();
    for (const field of fields) expect(await field.locator('xpath=ancestor::label').count()).toBe(1);
    await page.context().close();
  });
});
