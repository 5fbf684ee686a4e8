// Every page loads this: shortcuts, dialogs, and the small things a page can do better with a script than without.
// Nothing here is needed: each of these pages works when scripts are off.
import { listenForKeys } from "./keys.js";
import { prepareDialogs } from "./dialogs.js";
import { prepareQueue } from "./queue.js";
import { prepareMarks } from "./marks.js";

listenForKeys();
prepareDialogs();
prepareQueue();
prepareMarks();
