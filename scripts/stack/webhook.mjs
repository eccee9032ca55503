// The receiver of Alertmanager's webhooks: prints each alert. `POST /faults/NAME` makes something happen in the demo.
import { once } from 'node:events';
import { createServer } from 'node:http';

const text = async (request) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
};

function print(receiver, { alerts }) {
  // The alert that always fires would hide the others.
  for (const { status, labels, annotations } of alerts.filter(({ labels: { severity } }) => severity !== 'none')) {
    const says = status === 'firing' ? `${annotations.summary}. ${annotations.description}` : annotations.summary;
    const time = new Date().toISOString().slice(11, 19);
    console.log(`${time} alert for ${receiver}: ${status} ${labels.severity} ${labels.alertname}: ${says}`);
  }
}

/**
 * @param setFault called with the NAME of `POST /faults/NAME`; returns false for one that it does not know
 * @returns the port
 */
export async function startWebhook(port, setFault) {
  const server = createServer(async (request, response) => {
    const [, first, name] = request.url.split('/');
    const body = await text(request);
    if (request.method !== 'POST' || (first === 'faults' && !(await setFault(name)))) {
      response.writeHead(404).end('Unknown\n');
      return;
    }
    if (first !== 'faults') print(first, JSON.parse(body));
    response.end(first === 'faults' ? 'Done: the alert follows in about a minute\n' : '');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}
