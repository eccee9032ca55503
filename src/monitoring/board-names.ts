/** The dashboards: a stable uid, the title, and the word for links. Alerts and dashboards link to them. */
export const BOARDS = {
  overview: { uid: 'aicc-cti', title: 'AICC contact center', short: 'Overview' },
  wall: { uid: 'aicc-cti-wall', title: 'AICC wall', short: 'Wall' },
  line: { uid: 'aicc-cti-vdn', title: 'AICC line', short: 'Line' },
  exporter: { uid: 'aicc-cti-exporter', title: 'AICC exporter', short: 'Exporter' },
} as const;
