import { ANY_ALERT, anyOf, QUEUE_ALERTS, TARGET_ALERTS, TRAFFIC_ALERTS } from './alert-names.ts';
import { mapped, type Panel } from './panel.ts';
import { each, VDN } from './queries.ts';
import { alerts, FIRING, NOTIFIED } from './states.ts';
import { type Size, tile } from './tiles.ts';

/** Whether the line is open, in the colour of its worst alert. */
export const lineState = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Line',
    description:
      'Whether the line is open now by the configured opening hours, in the colour of its worst firing alert. A closed line has no alerts about calls, queues and agents. Red with "no data since": nothing is known of it.',
    unit: 'none',
    decimals: 0,
    value: `max(${each(`aicc_cti_vdn_open{${VDN}}`)})`,
    beside: {
      text: 'alerts: $1',
      value: `count(${alerts(ANY_ALERT, `${NOTIFIED}, ${FIRING}`)}) or vector(0)`,
    },
    alerts: anyOf({ ...TARGET_ALERTS, ...QUEUE_ALERTS, ...TRAFFIC_ALERTS }),
    mappings: [mapped({ 0: { text: 'closed' }, 1: { text: 'open' } })],
  });
