// Leads every connection of TLS to the emulator, on this machine. Certificates are checked against the host that was asked for.
const tls = require("node:tls");
const { connect } = tls;

tls.connect = (options, ...others) =>
  connect(
    { ...options, host: "127.0.0.1", port: Number(process.env.LEAD_TO_PORT), servername: options.servername || options.host },
    ...others,
  );
