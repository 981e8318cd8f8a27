// A project that compiles and verifies without a network; the chain and the server are given.
import hardhatVerify from "@nomicfoundation/hardhat-verify";

// A file that is text is taken as soljson, in place of a download. It takes only whole paths.
const compiler = {
  version: "0.8.30",
  path: `${import.meta.dirname}/node_modules/solc/soljson.js`,
  settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "cancun" },
};

export default {
  plugins: [hardhatVerify],
  // `verify` builds with the profile "production".
  solidity: { profiles: { default: compiler, production: compiler } },
  networks: {
    dev: {
      type: "http",
      chainType: "l1",
      url: process.env.RPC_URL,
      chainId: Number(process.env.CHAIN_ID),
    },
  },
  verify: { sourcify: { enabled: true, apiUrl: process.env.VERIFIER_URL } },
};
