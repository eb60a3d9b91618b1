// Before each file: its numbers do not depend on which files ran before it in the page.
import { drawAnew } from './planned-fixture';

drawAnew();
