/** One entry of what Prometheus' `http_sd_configs` reads. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface DiscoveryOptions {
  /** Where Prometheus reached the exporter, `host:port`: the Host header of its request. */
  readonly host: string;
  readonly isTls: boolean;
  readonly telemetryPath: string;
  readonly callCenters: readonly string[];
}

/**
 * One target for each call center (docs/scale-out.md). All have the same address, so each gets an `instance` of its
 * own: else their `up` and `scrape_*` series would be one. There is no `call_center` label here: the series bring
 * theirs, and one on the target would rename it to `exported_call_center`.
 */
export function discoverTargets({ host, isTls, telemetryPath, callCenters }: DiscoveryOptions): TargetGroup[] {
  return callCenters.map((name) => ({
    targets: [host],
    labels: {
      instance: `${host}/${name}`,
      // Left out otherwise: a proxy that adds TLS is for the scrape config to name.
      ...(isTls ? { __scheme__: 'https' } : {}),
      __metrics_path__: telemetryPath,
      __param_call_center: name,
      __meta_aicc_cti_call_center: name,
    },
  }));
}
