/** Paths that the telemetry path must leave free. */
export const RESERVED_PATHS = ['/-/healthy', '/-/ready', '/-/reload', '/config', '/sd', '/docs'];
