// What a person sees under a name whose service is starting or stopped. Pure.

/** The page as HTML; it tries again by itself. */
export const closedPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="10">
<title>Not here at the moment</title>
<style>
  :root { font: 100%/1.5 system-ui, sans-serif; }
  body { max-width: 34rem; margin: 18vh auto; padding: 0 1.25rem; }
</style>
</head>
<body>
<h1>Not here at the moment</h1>
<p>The service behind this name is starting or stopped. This page tries again by itself.</p>
</body>
</html>
`;
