require "json"
require_relative "lib/clock"

# Tracks parcels.
module Parcels
  LIMIT = 10

  # A parcel on its way.
  class Parcel < Base::Record
    include Comparable
    attr_reader :weight, :sender

    # Makes one.
    def initialize(weight, sender: nil)
      @weight = weight
    end

    def heavy?
      weight > LIMIT
    end

    def self.load(path)
      new(JSON.parse(File.read(path)))
    end

    class << self
      def empty
        new(0)
      end
    end
  end
end

def track(parcel)
  parcel.heavy?
end
