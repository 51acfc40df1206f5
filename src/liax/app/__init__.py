"""`liax studio`: a web page on which portraits are animated, edited and turned (extra `studio`)."""
