/** The address of an image, as the build names it. */
declare module '*.svg' {
  const url: string;
  export default url;
}
