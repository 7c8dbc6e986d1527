/** `sallyport gateway`: runs the product itself until it is told to stop. */

import { formatAddress } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandSpec } from '../command.ts';
import { startSpinner } from '../output/progress.ts';

export const gatewayCommand: CommandSpec = {
  name: 'gateway',
  group: 'Run',
  summary: 'Start a gateway: listeners, API and console, until Ctrl-C.',
  options: [
    {
      flags: '--data <directory>',
      description: 'Where journal, recordings, keys and the embedded store lie.',
      complete: 'directory',
    },
    { flags: '--config <file>', description: 'Process settings: listeners, store, keys, TLS.', complete: 'file' },
  ],
  examples: ['sallyport gateway --data /var/lib/sallyport --config /etc/sallyport.yaml'],
  async run(context) {
    const { io, options, output } = context;
    const services = await context.services();
    // The signals are taken over here: the first drains and is no interruption, the second stops waiting.
    context.takeSignals();
    const stop = new AbortController();
    const hurry = new AbortController();
    const onSignal = (): void => {
      if (stop.signal.aborted) {
        hurry.abort();
        return;
      }
      output.note('Stopping: live sessions may finish. Press Ctrl-C again to end them now.');
      stop.abort();
    };
    const releases = (['SIGINT', 'SIGTERM'] as const).map((name) => io.onSignal(name, onSignal));
    try {
      const spinner = startSpinner(output, io.clock, 'Starting the gateway');
      const running = await services
        .startGateway({
          dataDirectory: options.text('data'),
          configFile: options.text('config'),
          signal: stop.signal,
          hurry: hurry.signal,
        })
        .finally(() => spinner.stop());
      const { ready } = running;
      await output.result(ready, async () => {
        const { palette } = output;
        await output.line(`${palette.good('✔')} ${palette.strong('Sallyport is ready.')}`);
        await output.fields([
          ['  Console', { text: ready.console, paint: palette.accent }],
          ...ready.listeners.map(
            (listener) => [`  ${listener.protocol}`, formatAddress(listener.host, listener.port)] as const,
          ),
          ...(ready.ca === null ? [] : [['  Authority', ready.ca] as const]),
        ]);
        await output.lines(ready.notes.map((note) => `  ${escapeLine(note)}`));
      });
      await running.closed;
      output.note('Stopped.');
    } finally {
      for (const release of releases) release();
    }
  },
};
