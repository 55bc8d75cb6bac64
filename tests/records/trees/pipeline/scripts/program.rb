#!/usr/bin/env ruby
puts "hi"
