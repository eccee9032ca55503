import { UsageError } from '../core/errors.ts';
import { DEFAULT_OPTIONS } from '../monitoring/options.ts';

const LABEL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Labels that alerts and series have anyway, or that a scrape or Alertmanager gives a meaning of its own. */
const TAKEN_LABELS = ['alertname', 'call_center', 'cc_id', 'component', 'instance', 'job', 'name', 'severity', 'vdn'];

export const JOB_FLAG = { job: { type: 'string', default: DEFAULT_OPTIONS.job } } as const;
export const DOCS_FLAG = { 'docs-url': { type: 'string', default: DEFAULT_OPTIONS.docsUrl } } as const;

/** A `job_name` of Prometheus. @throws UsageError */
export function readJob(job: string): string {
  if (job.trim() !== '' && !/["'\\{}$\p{Cc}]/u.test(job)) return job;
  throw new UsageError('--job must be the job_name of the exporters in Prometheus, without quotes, braces or dollars');
}

/** The URL to put in front of links: without a slash at its end. @throws UsageError */
export function readBaseUrl(flag: string, text: string): string {
  const url = /^https?:\/\/[^\s\\]+$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    throw new UsageError(`--${flag} is "${text}": use an http:// or https:// URL`);
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new UsageError(`--${flag} must end after the path, and must not contain a user, a query or a fragment`);
  }
  return url.href.replace(/\/+$/, '');
}

/** Names of labels that the config gives to VDNs. @throws UsageError */
export function readLabels(flag: string, names: readonly string[] = []): readonly string[] {
  for (const [index, name] of names.entries()) {
    if (!LABEL_NAME.test(name)) {
      throw new UsageError(`--${flag} is "${name}": use the name of a label, and repeat the flag for more`);
    }
    if (TAKEN_LABELS.includes(name)) {
      throw new UsageError(`--${flag}=${name} is not needed: this label is there already; choose a label of your VDNs`);
    }
    if (names.indexOf(name) < index) throw new UsageError(`--${flag}=${name} is given twice: remove one`);
  }
  return names;
}
