// The version of this build, as package.json states it.
export { version } from '../../package.json';
