// What each case of this folder is made from: see README.md and make.mjs.

import holes from "./recipes/holes.mjs";
import metadata from "./recipes/metadata.mjs";
import refused from "./recipes/refused.mjs";
import vyper from "./recipes/vyper.mjs";

export default [...holes, ...metadata, ...refused, ...vyper];
