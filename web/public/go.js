// Sends the one form of a page on its way. Without scripts its button does.
document.getElementById('go').submit();
